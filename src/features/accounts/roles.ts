import { count, eq } from 'drizzle-orm'
import type { Change, Db } from '../../db/index.ts'
import { invalid, missing } from '../../lib/errors.ts'
import type { Notices } from '../notices/service.ts'

/** What an account may do in the whole hub: only its own, read everything, do everything. */
export const roles = ['USER', 'AUDITOR', 'SUPER_ADMIN'] as const
export type Role = (typeof roles)[number]

/** A signed-in user. */
export type Caller = { id: string; username: string; name: string; email: string; role: Role }

/** An account as administrators see it. */
export type Account = Caller & { createdAt: Date }

export type Roles = ReturnType<typeof createRoles>

/** Who may do what in the whole hub. */
export function createRoles({ db, notices }: { db: Db; notices: Notices }) {
  const { users } = db.tables
  const { id, username, name, email, role, createdAt } = users
  const accountColumns = { id, username, name, email, role, createdAt }

  /** Inside a change that takes a SUPER_ADMIN away: throws `invalid` where it is the last one. */
  async function refuseLastAdmin({ tx, lockOrder }: Change) {
    await lockOrder() // two administrators leaving at once are counted one after the other
    const [row] = await tx.select({ admins: count() }).from(users).where(eq(role, 'SUPER_ADMIN'))
    if ((row?.admins ?? 0) < 2) throw invalid('The hub must keep a SUPER_ADMIN')
  }

  return {
    refuseLastAdmin,

    /** Sets the role of an account. Throws `missing`, and `invalid` where it would take the last SUPER_ADMIN away. */
    async setRole(userId: string, newRole: Role): Promise<Account> {
      return db.write(async (change) => {
        const [before] = await change.tx.select({ role }).from(users).where(eq(id, userId))
        if (!before) throw missing('User not found')
        if (before.role === 'SUPER_ADMIN' && newRole !== 'SUPER_ADMIN') await refuseLastAdmin(change)
        const [account] = await change.tx.update(users).set({ role: newRole }).where(eq(id, userId)).returning(accountColumns)
        if (!account) throw missing('User not found')
        await notices.record(change, { type: 'account.role', userId, data: { username: account.username, role: newRole } })
        return account
      })
    }
  }
}
