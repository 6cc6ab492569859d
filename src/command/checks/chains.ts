import { asc, count, gt, sum } from 'drizzle-orm'
import type { Db } from '../../db/index.ts'
import { createChain } from '../../features/logs/chain.ts'
import { createVerification } from '../../features/logs/verification.ts'
import { counted } from '../../lib/plain-numbers.ts'
import type { Call } from '../command.ts'

const page = 500

type Needs = Pick<Call, 'progress' | 'signal'> & { db: Db; secret: string }

/** What a check of the logs found: how many applications, how many entries hold, and a line for each log that does not. */
export type ChainsChecked = { applications: number; entries: number; wrong: string[] }

/** Whether the logs were signed with this secret, as far as there are any. */
export async function isSecretOf(db: Db, secret: string) {
  const { logChains } = db.tables
  const [first] = await db.read.select().from(logChains).where(gt(logChains.seq, 0)).limit(1)
  return first === undefined || createChain(secret).signed(first.applicationId, 'end', first)
}

/** Verifies the hash chain of every application that has a log. Reports that the hub has not put into a log yet are in no chain. */
export async function checkChains({ db, secret, progress, signal }: Needs): Promise<ChainsChecked> {
  const { logChains } = db.tables
  const verify = createVerification({ db, chain: createChain(secret), settle: async () => {} })
  const [all] = await db.read.select({ of: sum(logChains.total), logs: count() }).from(logChains)
  const of = Number(all?.of ?? 0)
  const found: ChainsChecked = { applications: 0, entries: 0, wrong: [] }
  const next = (after: number) =>
    db.read
      .select({ id: logChains.id, applicationId: logChains.applicationId })
      .from(logChains)
      .where(gt(logChains.id, after))
      .orderBy(asc(logChains.id))
      .limit(page)

  for (let rows = await next(0); rows.length > 0; rows = await next(rows.at(-1)?.id ?? 0)) {
    for (const { applicationId } of rows) {
      progress.show('logs', { done: found.entries, of, note: counted(found.entries, 'entry', 'entries') })
      const { checked, broken } = await verify(applicationId, signal)
      found.applications++
      found.entries += checked
      if (broken) found.wrong.push(`log of application ${applicationId}: ${broken.reason}, at ${broken.seq}`)
    }
  }
  progress.clear()
  return found
}
