import type { Change, Db } from '../../db/index.ts'
import type { Clock } from '../../lib/clock.ts'
import { conflict } from '../../lib/errors.ts'
import { newId } from '../../lib/secrets.ts'
import type { Notices } from '../notices/service.ts'
import type { Teams } from '../teams/service.ts'
import type { Caller, Role } from './roles.ts'
import { isReserved, usernamesFrom } from './usernames.ts'

/** How an email says no that has an account. */
export const emailTaken: [message: string, reasons: string[]] = [
  'This email has already been registered',
  ['email is already taken']
]

/** `passwordHash`: empty for none. `username` as chosen, or undefined to have one made from `login`, or else the email. */
export type AccountToMake = {
  email: string
  passwordHash: string
  role: Role
  username?: string | undefined
  login?: string | undefined
  name?: string | undefined
  githubId?: string
  avatarUrl?: string | null
}

/** Gives the one way in which accounts come to be. It throws `conflict` for a name or an email that is taken. */
export function createAccountMaker({ db, clock, notices, teams }: { db: Db; clock: Clock; notices: Notices; teams: Teams }) {
  const { users } = db.tables

  async function claimUsername(change: Change, { username, login = '', email }: AccountToMake) {
    if (username !== undefined && isReserved(username)) throw conflict('Account already exists', ['name is reserved'])
    const candidates = username === undefined ? usernamesFrom(login, email) : [username]
    for (const candidate of candidates) {
      const teamId = await teams.claimName(change, candidate)
      if (teamId) return { teamId, username: candidate }
    }
    throw conflict('Account already exists', ['name is already taken'])
  }

  return (account: AccountToMake): Promise<Caller> =>
    db.write(async (change) => {
      const { email, role, passwordHash, githubId, avatarUrl } = account
      const { teamId, username } = await claimUsername(change, account)
      const caller = { id: newId(), username, name: account.name ?? username, email, role }
      const row = { ...caller, emailKey: email.toLowerCase(), passwordHash, createdAt: clock.now(), githubId, avatarUrl }
      const [created] = await change.tx.insert(users).values(row).onConflictDoNothing().returning({ id: users.id })
      if (!created) throw conflict(...emailTaken)
      await teams.giveTo(change, teamId, caller.id)
      await notices.record(change, { type: 'account.created', teamId, userId: caller.id, data: { username } })
      return caller
    })
}

export type MakeAccount = ReturnType<typeof createAccountMaker>
