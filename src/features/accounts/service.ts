import { and, asc, count, eq, gt } from 'drizzle-orm'
import type { Db } from '../../db/index.ts'
import { conflict, missing, unauthorized } from '../../lib/errors.ts'
import { hashSecret, randomText } from '../../lib/secrets.ts'
import type { Notices } from '../notices/service.ts'
import type { Repos } from '../repos/service.ts'
import type { Teams } from '../teams/service.ts'
import { emailTaken, type MakeAccount } from './creation.ts'
import type { Profile } from './github-accounts.ts'
import type { RateLimits } from './limits.ts'
import type { Passwords } from './passwords.ts'
import type { Account, Caller, Role, Roles } from './roles.ts'
import { type Claims, markOf, type Tokens } from './tokens.ts'

/** How a caller is known: by a CLI key, or by an access token that holds as long as the password has this mark. */
type KnownBy = { keyId?: string | undefined; mark?: string | undefined }

/** A caller, with how it is known, and until when that holds (ms since 1970). */
export type KnownCaller = Caller & KnownBy & { expiresAt: number }

/** `username` as chosen, or undefined to have one made from the display name or the email. */
export type NewAccount = { email: string; password: string; name?: string | undefined; username?: string | undefined }

export type Accounts = ReturnType<typeof createAccounts>

type Needs = {
  db: Db
  notices: Notices
  teams: Teams
  repos: Pick<Repos, 'leaveAll'>
  passwords: Passwords
  tokens: Tokens
  limits: RateLimits
  roles: Roles
  make: MakeAccount
}

/** Who there is, and who is asking. */
export function createAccounts({ db, notices, teams, repos, passwords, tokens, limits, roles, make }: Needs) {
  const { users, cliKeys } = db.tables
  const { setRole, refuseLastAdmin } = roles
  const callerColumns = { id: users.id, username: users.username, name: users.name, email: users.email, role: users.role }

  async function create({ password, ...account }: NewAccount, role: Role): Promise<Caller> {
    const passwordHash = await passwords.hash(password)
    return make({ ...account, login: account.name, passwordHash, role })
  }

  async function userOf({ userId, keyId, mark }: Claims, token: string): Promise<Caller | undefined> {
    const which = eq(users.id, userId)
    if (keyId === undefined) {
      const [user] = await db.read.select({ caller: callerColumns, hash: users.passwordHash }).from(users).where(which)
      return user && markOf(user.hash) === mark ? user.caller : undefined
    }
    const itsKey = and(eq(cliKeys.id, keyId), eq(cliKeys.userId, users.id), eq(cliKeys.hash, hashSecret(token)))
    return (await db.read.select(callerColumns).from(users).innerJoin(cliKeys, itsKey).where(which))[0]
  }

  async function hasKey(id: string) {
    const [key] = await db.read.select({ id: cliKeys.id }).from(cliKeys).where(eq(cliKeys.id, id))
    return key !== undefined
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
      return tokens.issue({ id: user.id, passwordHash: user.hash })
    },

    /** The user whom an access token or a CLI key names. Throws `unauthorized`, also for a deleted user's token, one from before the password was set, and a deleted key. */
    async callerOf(token = ''): Promise<KnownCaller> {
      const claims = await tokens.read(token)
      const user = claims && (await userOf(claims, token))
      if (!claims || !user) throw unauthorized()
      return { ...user, keyId: claims.keyId, mark: claims.mark, expiresAt: claims.expiresAt * 1000 }
    },

    /** The role that a caller has now; undefined for a user, a CLI key or an access token that holds no more. */
    async roleOf({ id, keyId, mark, expiresAt }: Omit<KnownCaller, keyof Caller> & { id: string }): Promise<Role | undefined> {
      const [user] = await db.read.select({ role: users.role, hash: users.passwordHash }).from(users).where(eq(users.id, id))
      if (!user || Date.now() >= expiresAt) return undefined
      const holds = keyId === undefined ? markOf(user.hash) === mark : await hasKey(keyId)
      return holds ? user.role : undefined
    },

    /** What anybody may see of an account. Throws `missing`. */
    async profile(id: string): Promise<Profile> {
      const shown = { id: users.id, name: users.name, avatarUrl: users.avatarUrl }
      const [user] = await db.read.select(shown).from(users).where(eq(users.id, id))
      if (!user) throw missing('User not found')
      return user
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

    setRole,

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
}
