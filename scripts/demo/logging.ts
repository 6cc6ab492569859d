import { type Administrator, signInAsAdministrator } from './administrator.ts'
import { app } from './fleet.ts'
import { ensure, type Journal, readable } from './journal.ts'

const many = 20_000
const broken = 777

type Scene = { base: string; journal: Journal; admin: Administrator }
type Answer = { status: number; data?: { accepted: number; rejected: { line: number }[] } }

/** An administrator makes an application, a program logs by its key, and the log is followed, counted and verified. */
export async function playLogging({ base, journal }: Omit<Scene, 'admin'>) {
  const scene = { base, journal, admin: await signInAsAdministrator(base) }
  const made = await journal.cause('POST /api/v1/applications: the administrator makes the application "collector"', () =>
    scene.admin.makeApplication('Collector', 'collector')
  )
  await sayOne(scene, made)
  await sayMany(scene, made.apiKey)
  await verifyAll(scene)
  await renewKey(scene, made)
}

async function say({ base }: Scene, apiKey: string, body: string, type = 'application/json'): Promise<Answer> {
  const headers = { 'x-api-key': apiKey, 'content-type': type }
  const response = await fetch(`${base}/api/v1/logs`, { method: 'POST', headers, body })
  return { status: response.status, ...((await response.json()) as Omit<Answer, 'status'>) }
}

const entry = (payload: unknown) => JSON.stringify({ log_type: 'demo', payload })

async function sayOne(scene: Scene, { id, apiKey }: { id: string; apiKey: string }) {
  const { admin, journal } = scene
  const heard: unknown[] = []
  const stop = await admin.follow(id, (payload) => {
    heard.push(payload)
    journal.event('administrator', `follows the log, and reads: ${String(payload)}`)
  })
  const { status } = await journal.cause('POST /api/v1/logs: a program says one thing', () =>
    say(scene, apiKey, entry('started'))
  )
  ensure(status === 201, `an entry got ${status}`)
  await journal.until('the entry to be read by who follows the log', () => heard.length > 0)
  stop()
}

async function sayMany(scene: Scene, apiKey: string) {
  const { journal } = scene
  const lines = Array.from({ length: many + 1 }, (_, n) => (n + 1 === broken ? 'a broken line' : entry({ n })))
  const { status, data } = await journal.cause(
    `POST /api/v1/logs: ${readable(many)} lines of JSON, and a broken one among them`,
    () => say(scene, apiKey, lines.join('\n'), 'application/x-ndjson')
  )
  journal.event('program', `${status}: ${readable(data?.accepted ?? 0)} stored, rejected: line ${data?.rejected[0]?.line}`)
  ensure(data?.accepted === many, `of ${many} entries ${data?.accepted} were stored`)
  ensure(data.rejected.length === 1 && data.rejected[0]?.line === broken, 'the broken line was not told')
}

async function verifyAll({ admin, journal }: Scene) {
  const applications = await admin.applications()
  const [fleet, collector] = [applications.get(app), applications.get('collector')]
  ensure(collector?.total_logs === many + 1, `total_logs is ${collector?.total_logs}`)
  ensure(fleet !== undefined && fleet.total_logs > 0, 'the lines of the devices are not counted')
  const counts = [...applications.values()].map(({ slug, total_logs }) => `${slug} ${readable(total_logs)}`)
  journal.sure(`GET /api/v1/applications has those of the fleet too, and gives as total_logs: ${counts.join(', ')}`)
  for (const { id, slug, total_logs: total } of [fleet, collector]) {
    const { intact, checked } = await admin.verify(id)
    ensure(intact && checked === total, `the chain of ${slug} does not hold: ${checked} of ${total}`)
    journal.sure(`GET /api/v1/logs/verify-chain: all ${readable(checked)} entries of ${slug} are there and unchanged`)
  }
}

async function renewKey(scene: Scene, { id, apiKey }: { id: string; apiKey: string }) {
  const { admin, journal } = scene
  const renewed = await journal.cause('POST /api/v1/applications/…/regenerate-key', () => admin.renewKey(id))
  const [old, fresh] = [await say(scene, apiKey, entry('again')), await say(scene, renewed.apiKey, entry('again'))]
  ensure(old.status === 401 && fresh.status === 201, `the old key got ${old.status}, the new one ${fresh.status}`)
  journal.sure('the old key is refused, the new one logs')
}
