import { asc, count, eq, gt } from 'drizzle-orm'
import type { Change, Db } from '../../db/index.ts'
import type { Clock } from '../../lib/clock.ts'
import { conflict, invalid, missing, unauthorized } from '../../lib/errors.ts'
import { newId, randomText } from '../../lib/secrets.ts'
import type { Notices } from '../notices/service.ts'
import type { Repos } from '../repos/service.ts'
import type { Teams } from '../teams/service.ts'
import type { RateLimits } from './limits.ts'
import type { Passwords } from './passwords.ts'
import type { Tokens } from './tokens.ts'
import { isReserved, usernamesFrom } from './usernames.ts'

/** What an account may do in the whole hub: only its own, read everything, do everything. */
export const roles = ['USER', 'AUDITOR', 'SUPER_ADMIN'] as const
export type Role = (typeof roles)[number]

/** A signed-in user. */
export type Caller = { id: string; username: string; name: string; email: string; role: Role }

/** An account as administrators see it. */
export type Account = Caller & { createdAt: Date }

/** `username` as chosen, or undefined to have one made from the display name or the email. */
export type NewAccount = { email: string; password: string; name?: string | undefined; username?: string | undefined }

const emailTaken: [message: string, reasons: string[]] = ['This email has already been registered', ['email is already taken']]

export type Accounts = ReturnType<typeof createAccounts>

type Needs = {
  db: Db
  clock: Clock
  notices: Notices
  teams: Teams
  repos: Pick<Repos, 'leaveAll'>
  passwords: Passwords
  tokens: Tokens
  limits: RateLimits
}

/** Who there is, and who is asking. */
export function createAccounts({ db, clock, notices, teams, repos, passwords, tokens, limits }: Needs) {
  const { users } = db.tables
  const callerColumns = { id: users.id, username: users.username, name: users.name, email: users.email, role: users.role }

  async function claimUsername(change: Change, { username, name, email }: NewAccount) {
    if (username !== undefined && isReserved(username)) throw conflict('Account already exists', ['name is reserved'])
    const candidates = username === undefined ? usernamesFrom(name ?? '', email) : [username]
    for (const candidate of candidates) {
      const teamId = await teams.claimName(change, candidate)
      if (teamId) return { teamId, username: candidate }
    }
    throw conflict('Account already exists', ['name is already taken'])
  }

  async function create(account: NewAccount, role: Role): Promise<Caller> {
    const passwordHash = await passwords.hash(account.password)
    return db.write(async (change) => {
      const { teamId, username } = await claimUsername(change, account)
      const caller = { id: newId(), username, name: account.name ?? username, email: account.email, role }
      const [created] = await change.tx
        .insert(users)
        .values({ ...caller, emailKey: account.email.toLowerCase(), passwordHash, createdAt: clock.now() })
        .onConflictDoNothing()
        .returning({ id: users.id })
      if (!created) throw conflict(...emailTaken)
      await teams.giveTo(change, teamId, caller.id)
      await notices.record(change, { type: 'account.created', teamId, userId: caller.id, data: { username } })
      return caller
    })
  }

  async function userCount() {
    const [row] = await db.read.select({ users: count() }).from(users)
    return row?.users ?? 0
  }

  return {
    /** Makes an account; `address` is counted against the registrations of its network. Throws `conflict` for a name or email taken. */
    async register(account: NewAccount, address: string) {
      await limits.registration(address)
      return create(account, 'USER')
    },

    /** Throws `conflict` where an email has an account; counts as a try to register. */
    async refuseTaken(email: string, address: string) {
      await limits.registration(address)
      const [user] = await db.read.select({ id: users.id }).from(users).where(eq(users.emailKey, email.toLowerCase()))
      if (user) throw conflict(...emailTaken)
    },

    /** An access token for an email and its password. Throws `unauthorized`, and `tooMany` after too many failures. */
    async signIn({ email, password }: { email: string; password: string }, address: string) {
      const emailKey = email.toLowerCase()
      await limits.beforeSignIn(address, emailKey)
      const [user] = await db.read
        .select({ id: users.id, hash: users.passwordHash })
        .from(users)
        .where(eq(users.emailKey, emailKey))
      if (!(await passwords.matches(password, user?.hash)) || !user) {
        await limits.failedSignIn(address, emailKey)
        throw unauthorized('Invalid email/password')
      }
      return tokens.issue(user.id)
    },

    /** The user whom an access token names, with when it ends (ms since 1970). Throws `unauthorized`, also for a deleted user's token. */
    async callerOf(token: string | undefined): Promise<Caller & { expiresAt: number }> {
      const claims = token ? await tokens.read(token) : undefined
      if (!claims) throw unauthorized()
      const [user] = await db.read.select(callerColumns).from(users).where(eq(users.id, claims.userId))
      if (!user) throw unauthorized()
      return { ...user, expiresAt: claims.expiresAt * 1000 }
    },

    /** The role that a user has now; undefined for one that is no more. */
    async roleOf(id: string): Promise<Role | undefined> {
      const [user] = await db.read.select({ role: users.role }).from(users).where(eq(users.id, id))
      return user?.role
    },

    /** Up to `limit` accounts in the order in which they were made, and the cursor to read on from, if there are more. */
    async list(limit: number, cursor?: string): Promise<{ accounts: Account[]; next: string | undefined }> {
      const accounts = await db.read
        .select({ ...callerColumns, createdAt: users.createdAt })
        .from(users)
        .where(cursor === undefined ? undefined : gt(users.id, cursor))
        .orderBy(asc(users.id))
        .limit(limit + 1)
      const more = accounts.length > limit
      return { accounts: accounts.slice(0, limit), next: more ? accounts[limit - 1]?.id : undefined }
    },

    /** Sets the role of an account. Throws `missing`, and `invalid` where it would take the last SUPER_ADMIN away. */
    async setRole(id: string, role: Role): Promise<Account> {
      return db.write(async (change) => {
        const [before] = await change.tx.select({ role: users.role }).from(users).where(eq(users.id, id))
        if (!before) throw missing('User not found')
        if (before.role === 'SUPER_ADMIN' && role !== 'SUPER_ADMIN') await refuseLastAdmin(change)
        const [account] = await change.tx
          .update(users)
          .set({ role })
          .where(eq(users.id, id))
          .returning({ ...callerColumns, createdAt: users.createdAt })
        if (!account) throw missing('User not found')
        await notices.record(change, { type: 'account.role', userId: id, data: { username: account.username, role } })
        return account
      })
    },

    /** Deletes an account with its own team and all that is in it. Throws `invalid` where others would be left without an owner. */
    async remove(caller: Caller) {
      await db.write(async (change) => {
        await change.lockOrder() // it reaches into the log, which is locked first everywhere
        if (caller.role === 'SUPER_ADMIN') await refuseLastAdmin(change)
        await teams.leaveAll(change, caller.id)
        await repos.leaveAll(change, caller.id)
        await change.tx.delete(users).where(eq(users.id, caller.id))
        await notices.record(change, { type: 'account.deleted', userId: caller.id, data: { username: caller.username } })
      })
    },

    /** On a hub without users, makes the first SUPER_ADMIN; gives the email, and the password where the hub made it up. */
    async ensureAdmin(given: { email: string; password: string } | undefined) {
      if ((await userCount()) > 0) return undefined
      const { email, password } = given ?? { email: 'admin@localhost', password: randomText(20) }
      await create({ email, password, name: 'Administrator', username: 'admin' }, 'SUPER_ADMIN')
      return { email, password: given ? undefined : password }
    }
  }

  async function refuseLastAdmin({ tx, lockOrder }: Change) {
    await lockOrder() // two administrators leaving at once are counted one after the other
    const [row] = await tx.select({ admins: count() }).from(users).where(eq(users.role, 'SUPER_ADMIN'))
    if ((row?.admins ?? 0) < 2) throw invalid('The hub must keep a SUPER_ADMIN')
  }
}
