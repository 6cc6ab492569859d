import { eq } from 'drizzle-orm'
import type { Change, Db } from '../../db/index.ts'

/** Inside a change: whether a user is still there; from here to the commit, nobody leaves. */
export async function isStillThere({ tables: { users } }: Pick<Db, 'tables'>, change: Change, userId: string) {
  await change.lockOrder() // whoever deletes a user has it first too
  const [user] = await change.tx.select({ id: users.id }).from(users).where(eq(users.id, userId))
  return user !== undefined
}
