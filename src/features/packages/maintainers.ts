import { and, asc, count, eq } from 'drizzle-orm'
import type { Change, Db } from '../../db/index.ts'
import { forbidden, invalid, missing } from '../../lib/errors.ts'
import type { Profile } from '../accounts/github-accounts.ts'
import type { Caller } from '../accounts/roles.ts'
import { isStillThere } from '../accounts/still-there.ts'
import { everyone } from '../notices/kinds.ts'
import type { Notices } from '../notices/service.ts'

type Named = { id: string; name: string }

export type Maintainers = ReturnType<typeof createMaintainers>

/** Who may publish to which package. */
export function createMaintainers({ db, notices }: { db: Db; notices: Notices }) {
  const { maintainers, packages, users } = db.tables
  const key = (packageId: string, userId: string) => and(eq(maintainers.packageId, packageId), eq(maintainers.userId, userId))

  async function named(packageId: string): Promise<Named> {
    const [row] = await db.read.select({ id: packages.id, name: packages.name }).from(packages).where(eq(packages.id, packageId))
    if (!row) throw missing('Package not found')
    return row
  }

  async function isOne(packageId: string, userId: string) {
    const [row] = await db.read.select({ userId: maintainers.userId }).from(maintainers).where(key(packageId, userId))
    return row !== undefined
  }

  /** A package whose maintainers are all gone would be nobody's: a SUPER_ADMIN can give it new ones. */
  async function forChange(packageId: string, caller: Caller) {
    const found = await named(packageId)
    if (caller.role !== 'SUPER_ADMIN' && !(await isOne(packageId, caller.id))) throw forbidden(notOne)
    return found
  }

  async function userNamed(id: string) {
    const [user] = await db.read.select({ username: users.username }).from(users).where(eq(users.id, id))
    if (!user) throw missing('User not found')
    return user
  }

  async function keepOne({ tx, lockOrder }: Change, packageId: string) {
    await lockOrder() // two who leave at once are counted one after the other
    const [row] = await tx.select({ left: count() }).from(maintainers).where(eq(maintainers.packageId, packageId))
    if ((row?.left ?? 0) < 2) throw invalid('A package must keep a maintainer')
  }

  return {
    /** The package, for a user who maintains it. Throws `missing` and `forbidden`. */
    async require(packageId: string, userId: string) {
      const found = await named(packageId)
      if (!(await isOne(packageId, userId))) throw forbidden(notOne)
      return found
    },

    /** The maintainers of a package, by username. Throws `missing`. */
    async list(packageId: string): Promise<Profile[]> {
      await named(packageId)
      const shown = { id: users.id, name: users.name, avatarUrl: users.avatarUrl }
      const rows = db.read.select(shown).from(maintainers).innerJoin(users, eq(users.id, maintainers.userId))
      return rows.where(eq(maintainers.packageId, packageId)).orderBy(asc(users.username))
    },

    /** Makes a user a maintainer of a package. */
    async add(packageId: string, userId: string, caller: Caller) {
      const { name } = await forChange(packageId, caller)
      const { username } = await userNamed(userId)
      await db.write(async (change) => {
        if (!(await isStillThere(db, change, userId))) throw missing('User not found')
        const added = await change.tx.insert(maintainers).values({ packageId, userId }).onConflictDoNothing().returning()
        if (added.length === 0) return
        const data = { package: name, package_id: packageId, username }
        await notices.record(change, { type: 'package.maintainer_set', teamId: everyone, userId, data })
      })
    },

    /** Takes a maintainer from a package; it keeps at least one. */
    async remove(packageId: string, userId: string, caller: Caller) {
      const { name } = await forChange(packageId, caller)
      const { username } = await userNamed(userId)
      await db.write(async (change) => {
        await keepOne(change, packageId)
        const gone = await change.tx.delete(maintainers).where(key(packageId, userId)).returning()
        if (gone.length === 0) throw missing('Maintainer not found')
        const data = { package: name, package_id: packageId, username }
        await notices.record(change, { type: 'package.maintainer_removed', teamId: everyone, userId, data })
      })
    }
  }
}

const notOne = 'You are not a maintainer of this package'
