import { eq, inArray } from 'drizzle-orm'
import type { Db } from '../../db/index.ts'
import type { Log } from '../../lib/log.ts'
import type { Notices } from '../notices/service.ts'
import type { Logs } from './service.ts'

/** At most so often it is told that logs have grown, in ms: thousands of entries a second are a notice now and then. */
const rest = 5000

type Growth = { entries: number; from: number; to: number }
type Needs = { db: Db; notices: Notices; logs: Logs; log: Log }

export type Tidings = ReturnType<typeof createTidings>

/** Records a notice for each application whose log has grown: at once after a quiet while, else together after a rest. */
export function createTidings({ db, notices, logs, log }: Needs) {
  const { applications, teams } = db.tables
  const grown = new Map<string, Growth>()
  let timer: NodeJS.Timeout | undefined
  let telling: Promise<void> = Promise.resolve()

  logs.listen(({ applicationId, entries, last }) => {
    const { from, entries: before } = grown.get(applicationId) ?? { from: last - entries + 1, entries: 0 }
    grown.set(applicationId, { entries: before + entries, from, to: last })
    timer ??= setTimeout(next, 0)
  })

  function next() {
    timer = grown.size > 0 ? setTimeout(next, rest) : undefined
    telling = tell().catch((error: unknown) => log.error({ err: error }, 'it could not be told that logs have grown'))
  }

  async function tell() {
    const growths = new Map(grown)
    grown.clear()
    if (growths.size === 0) return
    await db.write(async (change) => {
      const named = await change.tx
        .select({ id: applications.id, app: applications.slug, teamId: teams.id, team: teams.name })
        .from(applications)
        .innerJoin(teams, eq(teams.id, applications.teamId))
        .where(inArray(applications.id, [...growths.keys()]))
      for (const { id, app, teamId, team } of named) {
        const { entries, from, to } = growths.get(id) ?? { entries: 0, from: 0, to: 0 }
        const data = { app, application_id: id, team, entries, from, to }
        await notices.record(change, { type: 'logs.stored', teamId, data })
      }
    })
  }

  return {
    /** Tells what there is to tell, and no more. */
    async stop() {
      clearTimeout(timer)
      await telling
      await tell()
    }
  }
}
