import { describe, expect, test } from 'bun:test'
import { databaseName } from '../support/databases.ts'
import { type Watcher, watch, watchingHub, watchList } from '../support/github.ts'
import { noticed, type Received, restart, userClient } from '../support/mqtt.ts'
import { hasMosquitto } from '../support/needs.ts'

const fullName = 'Foundry376/Mailspring'
const topic = 'repos/Foundry376/Mailspring/latest-release'
const refused = 128

type Release = { version: string; assets: { name: string; url: string; _id: string }[] }
const releaseIn = ({ payload }: Received) => JSON.parse(payload) as Release

/** A hub with ada, who watches Mailspring. */
async function setUp() {
  const hub = await watchingHub()
  const ada = await hub.user('ada')
  /** Puts Mailspring on a user's list, and waits until that has been told: whoever subscribes after it is told once. */
  const join = async (user: Watcher) => {
    const added = noticed(hub, 'repo.added')
    const id = await watch(user)
    await added
    return id
  }
  const repoId = await join(ada)
  /** Publishes, has the hub ask, and waits until it has told: what is told is the latest by then. */
  const release = async (version: string, by: Watcher = ada) => {
    hub.github.publish(fullName, version, [{ name: `${version}.deb`, bytes: new Uint8Array(1) }])
    const told = noticed(hub, 'repo.released')
    await by.call('PATCH /repos')
    await told
  }
  return { ...hub, ada, repoId, join, release, [Symbol.asyncDispose]: () => hub[Symbol.asyncDispose]() }
}

describe(`repos/<owner>/<name>/latest-release on ${databaseName}`, () => {
  test('tells a watcher what is the latest, and then what becomes it', async () => {
    await using t = await setUp()
    await using client = await userClient(t, t.ada)
    expect(await client.subscribe([topic])).toEqual([1])
    const first = await client.next()
    const [repo] = await watchList(t.ada)
    expect(first).toMatchObject({ topic, qos: 1, retain: true, dup: false })
    expect(releaseIn(first)).toEqual({ version: '1.10.8', assets: repo?.latestReleaseAssets ?? [] })
    await t.release('1.10.9')
    const next = await client.next()
    expect(next).toMatchObject({ topic, qos: 1, retain: false })
    expect(releaseIn(next)).toEqual({
      version: '1.10.9',
      assets: [
        {
          name: '1.10.9.deb',
          url: 'https://github.com/Foundry376/Mailspring/releases/download/1.10.9/1.10.9.deb',
          _id: expect.stringMatching(/^[0-9a-f]{24}$/)
        }
      ]
    })
  })

  test('tells each change once, and nothing where there is none', async () => {
    await using t = await setUp()
    await using client = await userClient(t, t.ada)
    await client.subscribe([topic, 'repos/#'])
    expect(releaseIn(await client.next()).version).toBe('1.10.8')
    for (let n = 0; n < 3; n++) await t.ada.call('PATCH /repos')
    await t.release('1.10.9')
    await t.ada.call('PATCH /repos')
    await t.release('1.10.10')
    expect(releaseIn(await client.next()).version).toBe('1.10.9')
    expect(releaseIn(await client.next()).version).toBe('1.10.10')
    expect(client.inbox).toEqual([])
  })

  test('tells of assets that come late', async () => {
    await using t = await setUp()
    await using client = await userClient(t, t.ada)
    await client.subscribe([topic])
    await client.next()
    t.github.attach(fullName, { name: 'late.zip', bytes: new Uint8Array(3) })
    await t.ada.call('PATCH /repos')
    expect(releaseIn(await client.next())).toMatchObject({ version: '1.10.8', assets: { length: 8, 7: { name: 'late.zip' } } })
  })

  test('is for those who watch the repo', async () => {
    await using t = await setUp()
    const eve = await t.user('eve')
    await using hers = await userClient(t, eve)
    const own = ['repos/#', 'repos/+/+/latest-release', 'repos/+/#']
    expect(await hers.subscribe(own)).toEqual([1, 1, 1])
    const notHers = [
      topic,
      'repos/Foundry376/#',
      'repos/Foundry376/+/latest-release',
      'repos/+/Mailspring/latest-release',
      'repos'
    ]
    expect(await hers.subscribe(notHers)).toEqual(notHers.map(() => refused))
    expect(await hers.subscribe(['repos/foundry376/mailspring/latest-release', '#', '+/Foundry376/#'])).toEqual([128, 128, 128])
    await t.release('1.10.9')
    t.github.publish('eve/tool', '1')
    const added = noticed(t, 'repo.added')
    await watch(eve, { name: 'tool', ownerName: 'eve' })
    await added
    expect(await hers.next()).toMatchObject({ topic: 'repos/eve/tool/latest-release', payload: '{"version":"1","assets":[]}' })
    expect(await hers.subscribe(['repos/eve/#', 'repos/eve/tool/latest-release', 'repos/eve/tool/+'])).toEqual([1, 1, 1])
  })

  test('nobody publishes there', async () => {
    await using t = await setUp()
    await using client = await userClient(t, t.ada)
    await using other = await userClient(t, t.ada)
    await other.subscribe([topic])
    await other.next()
    void client.publish(topic, '{"version":"0"}').catch(() => {})
    await client.closed
    await t.release('1.10.9')
    expect(releaseIn(await other.next()).version).toBe('1.10.9')
  })

  test('ends with the watching, and begins anew with it', async () => {
    await using t = await setUp()
    await using client = await userClient(t, t.ada)
    const grace = await t.user('grace')
    await t.join(grace)
    await client.subscribe([topic])
    await client.next()
    await t.ada.call(`DELETE /repos/${t.repoId}`)
    expect(await client.next()).toMatchObject({ topic, payload: '', retain: false })
    await t.release('1.10.9', grace)
    expect(await client.subscribe([topic])).toEqual([refused])
    await watch(t.ada)
    expect(releaseIn(await client.next()).version).toBe('1.10.9')
  })

  test('is told to whoever was away when they come back, after a restart too', async () => {
    await using t = await setUp()
    const session = { clean: false, clientId: 'desk' }
    {
      await using client = await userClient(t, t.ada, session)
      await client.subscribe([topic])
      await client.next()
    }
    await t.release('1.10.9')
    {
      await using client = await userClient(t, t.ada, session)
      expect(await client.next()).toMatchObject({ topic, retain: false, payload: expect.stringContaining('"1.10.9"') })
    }
    await using again = await restart(t)
    await using client = await userClient(again, t.ada)
    await client.subscribe(['repos/#'])
    expect(await client.next()).toMatchObject({ topic, retain: true, payload: expect.stringContaining('"1.10.9"') })
  })

  test('tells all watchers, each over all connections', async () => {
    await using t = await setUp()
    const others = await Promise.all(['grace', 'edith'].map((name) => t.user(name)))
    for (const user of others) await t.join(user)
    const clients = await Promise.all([t.ada, t.ada, ...others].map((user) => userClient(t, user)))
    for (const client of clients) {
      await client.subscribe([topic])
      await client.next()
    }
    await t.release('1.10.9')
    for (const client of clients) expect(releaseIn(await client.next()).version).toBe('1.10.9')
    await Promise.all(clients.map((client) => client[Symbol.asyncDispose]()))
    expect(await (await t.send('GET /metrics')).text()).toContain('updraft_notices_told_total{topic="latest-release"} 4')
  })

  test.skipIf(!hasMosquitto())('mosquitto_sub is told', async () => {
    await using t = await setUp()
    const { ports, ada } = t
    const child = Bun.spawn(
      ['mosquitto_sub', '-p', String(ports.mqtt), '-u', 'ada', '-P', ada.token, '-q', '1', '-t', topic, '-C', '1', '-W', '10'],
      { stdout: 'pipe' }
    )
    expect(JSON.parse(await new Response(child.stdout).text())).toMatchObject({ version: '1.10.8' })
    expect(await child.exited).toBe(0)
  })
})
