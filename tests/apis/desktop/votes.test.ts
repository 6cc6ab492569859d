import { describe, expect, test } from 'bun:test'
import { onOneHub } from '../../support/balanced.ts'
import { databaseName } from '../../support/databases.ts'
import { testHub } from '../../support/hub.ts'
import { buildOf, buildsOf, latest, linux, publish, runningOf, testApplication, windows } from '../../support/releases.ts'

async function stage() {
  const hub = await testHub()
  const ada = await hub.user('ada')
  return { hub, ada, appId: await testApplication(ada) }
}

describe(`000 on ${databaseName}: POST /builds/success, POST /builds/failure`, () => {
  const counts = async (...given: Parameters<typeof buildsOf>) => {
    const [build] = await buildsOf(...given)
    return [build?.success_count, build?.failure_count]
  }

  test('answer an empty object, and count one vote for a client and build: the later replaces the earlier', async () => {
    const { hub, ada, appId } = await stage()
    await using _ = hub
    await publish(ada, appId)
    const [one, other] = [crypto.randomUUID(), crypto.randomUUID()]
    const vote = (outcome: string, clientId: string) =>
      hub.call(`POST /builds/${outcome}`, runningOf(appId, { version: '1.0.0', clientId }))
    expect(await vote('success', one)).toEqual({ status: 200, body: {} })
    expect(await counts(ada, appId)).toEqual([1, 0])
    await vote('success', one)
    await vote('success', one.toUpperCase())
    expect(await counts(ada, appId)).toEqual([1, 0])
    expect(await vote('failure', other)).toEqual({ status: 200, body: {} })
    expect(await counts(ada, appId)).toEqual([1, 1])
    await vote('failure', one)
    expect(await counts(ada, appId)).toEqual([0, 2])
    await vote('success', other)
    expect(await counts(ada, appId)).toEqual([1, 1])
  })

  test('of many clients at once all are counted, each once', async () => {
    const { hub, ada, appId } = await stage()
    await using _ = hub
    await publish(ada, appId)
    const clients = Array.from({ length: 60 }, () => crypto.randomUUID())
    const votes = clients.flatMap((clientId, n) =>
      ['success', 'failure', 'success']
        .slice(0, 1 + (n % 3))
        .map((outcome) => hub.call(`POST /builds/${outcome}`, runningOf(appId, { version: '1.0.0', clientId })))
    )
    expect((await Promise.all(votes)).every(({ status }) => status === 200)).toBe(true)
    const [successes = 0, failures = 0] = await counts(ada, appId)
    expect(successes + failures).toBe(60)
    expect(successes).toBeGreaterThanOrEqual(20)
  })

  test('are for the build that runs, withdrawn or not, whatever its build metadata', async () => {
    const { hub, ada, appId } = await stage()
    await using _ = hub
    const { build_id } = buildOf(await publish(ada, appId, { version: '1.0.0+linux' }))
    await publish(ada, appId, { version: '1.1.0' })
    await ada.call(`PATCH /applications/${appId}/builds/${build_id}`, { disabled: true })
    expect((await hub.call('POST /builds/failure', runningOf(appId, { version: '1.0.0' }))).status).toBe(200)
    expect((await buildsOf(ada, appId)).map(({ version, failure_count }) => [version, failure_count])).toEqual([
      ['1.1.0', 0],
      ['1.0.0+linux', 1]
    ])
  })

  test('404 for an unknown application, and for a version that was never published for the architecture', async () => {
    const { hub, ada, appId } = await stage()
    await using _ = hub
    await publish(ada, appId)
    const vote = (changes: object) => hub.call('POST /builds/success', { ...runningOf(appId, { version: '1.0.0' }), ...changes })
    expect(await vote({ app_id: crypto.randomUUID() })).toEqual({ status: 404, body: { message: 'Application not found' } })
    expect(await vote({ app_id: 'x' })).toEqual({ status: 404, body: { message: 'Application not found' } })
    expect(await vote({ current_running_version: '1.0.1' })).toEqual({ status: 404, body: { message: 'Build not found' } })
    expect(await vote({ architecture: windows })).toEqual({ status: 404, body: { message: 'Build not found' } })
  })
})

describe(`000 on ${databaseName}: what clients run`, () => {
  onOneHub('is noted with the time, for each client and architecture', async () => {
    let now = new Date('2026-11-20T12:00:00Z')
    await using hub = await testHub({ clock: { now: () => now } })
    const ada = await hub.user('ada')
    const appId = await testApplication(ada)
    await publish(ada, appId)
    await publish(ada, appId, { architecture: windows })
    const [one = '', other = ''] = [crypto.randomUUID(), crypto.randomUUID()].toSorted()
    const listed = async () => {
      await hub.settled()
      return ((await ada.call(`GET /applications/${appId}/clients`)).body as { clients: unknown[] }).clients
    }
    await latest(hub, appId, { clientId: one })
    await latest(hub, appId, { clientId: other, architecture: windows })
    const seen = (client_id: string, version: string, seen_at: string, architecture = linux) => ({
      client_id,
      architecture,
      version,
      seen_at
    })
    expect(await listed()).toEqual([
      seen(one, '0.0.0', '2026-11-20T12:00:00.000Z'),
      seen(other, '0.0.0', '2026-11-20T12:00:00.000Z', windows)
    ])
    now = new Date('2026-11-20T12:00:30Z')
    await latest(hub, appId, { clientId: one })
    await latest(hub, appId, { clientId: other, architecture: windows, version: '0.9.0' })
    expect(await listed()).toMatchObject([
      { seen_at: '2026-11-20T12:00:00.000Z' },
      { version: '0.9.0', seen_at: '2026-11-20T12:00:30.000Z' }
    ])
    now = new Date('2026-11-20T12:01:00Z')
    await hub.call('POST /builds/success', runningOf(appId, { clientId: one, version: '1.0.0' }))
    expect(await listed()).toMatchObject([{ version: '1.0.0', seen_at: '2026-11-20T12:01:00.000Z' }, { version: '0.9.0' }])
    now = new Date('2026-11-20T12:02:00Z')
    await latest(hub, appId, { clientId: one, version: '1.0.0' })
    expect(await listed()).toMatchObject([{ version: '1.0.0', seen_at: '2026-11-20T12:02:00.000Z' }, { version: '0.9.0' }])
  })

  test('is written before the hub stops, and read a page at a time', async () => {
    const { hub, ada, appId } = await stage()
    await using _ = hub
    await publish(ada, appId)
    const clients = Array.from({ length: 5 }, () => crypto.randomUUID()).toSorted()
    for (const clientId of clients) await latest(hub, appId, { clientId })
    await hub.settled()
    const found: string[] = []
    let cursor: string | null = ''
    while (cursor !== null) {
      const query: string = `limit=2${cursor && `&cursor=${encodeURIComponent(cursor)}`}`
      const { body } = await ada.call(`GET /applications/${appId}/clients?${query}`)
      const page = body as { clients: { client_id: string }[]; next: string | null }
      found.push(...page.clients.map(({ client_id }) => client_id))
      cursor = page.next
    }
    expect(found).toEqual(clients)
  })

  test('of an application that has just gone holds up nobody else', async () => {
    const { hub, ada, appId } = await stage()
    await using _ = hub
    const gone = await testApplication(ada, 'Gone')
    await publish(ada, appId)
    await publish(ada, gone)
    await latest(hub, gone)
    await latest(hub, appId)
    await ada.call('DELETE /ada/apps/gone')
    await hub.settled()
    expect(((await ada.call(`GET /applications/${appId}/clients`)).body as { clients: unknown[] }).clients).toHaveLength(1)
  })
})
