import { parentPort, workerData } from 'node:worker_threads'
import type { Taken } from '../../db/index.ts'
import { noteTaken } from '../../db/journal-queue.ts'
import { openSqliteApart } from '../../db/sqlite.ts'
import { createChain } from './chain.ts'
import { createLogDevices } from './devices.ts'
import { createEntries, type Stored } from './entries.ts'
import { createFolding } from './folding.ts'
import { createSightings } from './sightings.ts'

/** Where the worker finds the database, and what chains are held together by. */
export type Workplace = { path: string; secret: string }

/** What the worker is to put into its place, and that it is to end. */
export type Order = Taken | 'end'

/** What has come of it: what applications' logs have grown by, and the numbers of devices. Of an error no more than its kind, as its message may hold what was to be stored. */
export type Outcome = 'ready' | { stored: Stored[]; numbers: Map<string, number> } | { failed: { name: string; code: string } }

function work({ path, secret }: Workplace) {
  const db = openSqliteApart(path)
  const entries = createEntries({ db, chain: createChain(secret) })
  const [devices, sightings] = [createLogDevices({ db }), createSightings({ db })]
  const folding = createFolding({ entries, devices, sightings })
  const noting = noteTaken(db)
  let stored: Stored[] = []
  entries.listen((one) => void stored.push(one))

  async function fold({ texts, last }: Taken): Promise<Outcome> {
    stored = []
    const numbers = await db.write(async (change) => {
      await noting.within(change, { last })
      return folding.fold(change, texts)
    })
    await sightings.settleMany().catch(() => {}) // the next time
    return { stored, numbers }
  }

  async function end() {
    await db.close()
    parentPort?.close()
  }

  parentPort?.on('message', (order: Order) => {
    if (order === 'end') return void end()
    fold(order).then(report, (error: unknown) => report({ failed: kindOf(error) }))
  })
  report('ready')
}

const report = (message: Outcome) => parentPort?.postMessage(message, [])

/** The innermost error that has a code says what it was. */
function kindOf(error: unknown) {
  const kind = { name: 'unknown', code: '' }
  for (let one = error; one instanceof Error; one = one.cause) {
    kind.name = one.name
    if ('code' in one) kind.code = String(one.code)
  }
  return kind
}

work(workerData as Workplace)
