import { and, asc, eq } from 'drizzle-orm'
import type { Db } from '../../db/index.ts'
import type { Clock } from '../../lib/clock.ts'
import { conflict, missing, unauthorized } from '../../lib/errors.ts'
import { hashSecret, newId } from '../../lib/secrets.ts'
import type { Notices } from '../notices/service.ts'
import { isStillThere } from './still-there.ts'
import type { Tokens } from './tokens.ts'

/** A CLI key as its user is shown it after it was made. */
export type CliKey = { name: string; extract: string }

export type CliKeys = ReturnType<typeof createCliKeys>

/** Keys with which programs work for a user, until the user deletes them. */
export function createCliKeys({ db, clock, notices, tokens }: { db: Db; clock: Clock; notices: Notices; tokens: Tokens }) {
  const { cliKeys } = db.tables

  return {
    /** Makes a key, which is given this once and stored only as a hash. Throws `conflict` for a name that another key of the user has. */
    async create({ id: userId, username }: { id: string; username: string }, name: string) {
      const id = newId()
      const key = await tokens.issueKey({ userId, keyId: id, name })
      const row = { id, userId, name, hash: hashSecret(key), extract: extractOf(key), createdAt: clock.now() }
      await db.write(async (change) => {
        if (!(await isStillThere(db, change, userId))) throw unauthorized()
        const [created] = await change.tx.insert(cliKeys).values(row).onConflictDoNothing().returning({ id: cliKeys.id })
        if (!created) throw conflict('CLI key already exists')
        await notices.record(change, { type: 'cli_key.created', userId, data: { username, key_id: id, name } })
      })
      return key
    },

    /** The keys of a user, by name. */
    list: async (userId: string): Promise<CliKey[]> =>
      db.read
        .select({ name: cliKeys.name, extract: cliKeys.extract })
        .from(cliKeys)
        .where(eq(cliKeys.userId, userId))
        .orderBy(asc(cliKeys.name)),

    /** Deletes a key of a user: from then on it is refused. Throws `missing`. */
    async remove({ id: userId, username }: { id: string; username: string }, name: string) {
      await db.write(async (change) => {
        await change.lockOrder() // whoever deletes the user has it first too
        const [gone] = await change.tx
          .delete(cliKeys)
          .where(and(eq(cliKeys.userId, userId), eq(cliKeys.name, name)))
          .returning({ id: cliKeys.id })
        if (!gone) throw missing('CLI key not found')
        await notices.record(change, { type: 'cli_key.deleted', userId, data: { username, key_id: gone.id, name } })
      })
    }
  }
}

/** Enough of a key to know it by: all keys begin alike, so it is the end that tells. */
const extractOf = (key: string) => `${key.slice(0, 6)}...${key.slice(-6)}`
