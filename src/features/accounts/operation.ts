import { eq } from 'drizzle-orm'
import type { Db } from '../../db/index.ts'
import { missing } from '../../lib/errors.ts'
import type { Notices } from '../notices/service.ts'
import type { MakeAccount } from './creation.ts'
import type { Passwords } from './passwords.ts'
import type { Role, Roles } from './roles.ts'

type Needs = { db: Db; notices: Notices; passwords: Passwords; roles: Roles; make: MakeAccount }

/** An account that the operator makes. */
export type OperatorsAccount = {
  email: string
  password: string
  role: Role
  username?: string | undefined
  name?: string | undefined
}

/** What the operator does to accounts, by their email: nobody is asked, and nothing is counted. */
export function createAccountOperation({ db, notices, passwords, roles, make }: Needs) {
  const { users } = db.tables

  async function named(email: string) {
    const columns = { id: users.id, username: users.username }
    const [user] = await db.read.select(columns).from(users).where(eq(users.emailKey, email.toLowerCase()))
    if (!user) throw missing(`There is no account with the email ${email}`)
    return user
  }

  return {
    /** Throws `missing` for an email that no account has. */
    named,

    /** Makes an account. Throws `conflict` for a name or an email that is taken. */
    create: async ({ password, ...account }: OperatorsAccount) =>
      make({ ...account, login: account.name, passwordHash: await passwords.hash(password) }),

    /** Sets a password. Throws `missing`. */
    async setPassword(email: string, password: string) {
      const { id, username } = await named(email)
      const passwordHash = await passwords.hash(password)
      await db.write(async (change) => {
        await change.tx.update(users).set({ passwordHash }).where(eq(users.id, id))
        await notices.record(change, { type: 'account.password', userId: id, data: { username } })
      })
      return username
    },

    /** Sets a role. Throws `missing`, and `invalid` where it would take the last SUPER_ADMIN away. */
    setRole: async (email: string, role: Role) => roles.setRole((await named(email)).id, role)
  }
}
