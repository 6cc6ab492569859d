import { describe, expect, test } from 'bun:test'
import { databaseName } from '../../support/databases.ts'
import { type Desktop, desktop, programOf } from '../../support/desktop.ts'
import { type TestUser, testHub } from '../../support/hub.ts'
import { apiKeyOf, buildsOf, program, publish, testApplication } from '../../support/releases.ts'

async function stage() {
  const hub = await testHub()
  const ada = await hub.user('ada')
  const appId = await testApplication(ada)
  const pipeline = program(hub, await apiKeyOf(hub, appId))
  const release = (version: string, exitCode = 0) => publish(pipeline, appId, { version }, programOf(version, exitCode))
  return { hub, ada, appId, release }
}

const good = ['1.0.0', '1.1.0-rc.1', '1.1.0', '1.10.0', '2.0.0+build.5']

/** How many clients said what of each version, oldest first. */
async function votes(ada: TestUser, appId: string) {
  const builds = await buildsOf(ada, appId)
  return builds.map(({ version, success_count, failure_count }) => [version, success_count, failure_count]).toReversed()
}

type Listening = Awaited<ReturnType<Desktop['listen']>>

/** That a client was told of each of these, as news once at most: what answers its SUBSCRIBE may come before that news or after it [MQTT-3.3.1-6]. */
function expectToldOnce({ told: { live, retained } }: Listening, versions: string[]) {
  expect(live).toEqual([...new Set(live)])
  expect(retained.length).toBeLessThanOrEqual(1)
  expect(versions.filter((version) => !live.includes(version) && !retained.includes(version))).toEqual([])
}

describe(`a desktop client on ${databaseName}`, () => {
  test('sees each release exactly once over HTTP alone', async () => {
    const { hub, ada, appId, release } = await stage()
    await using _ = hub
    await using client = await desktop(hub, appId)
    await client.look() // there is nothing yet
    for (const version of good) {
      await release(version)
      await client.poll(version)
      await client.look() // and is not offered a second time
    }
    expect([client.seen, client.current()]).toEqual([good, '2.0.0+build.5'])
    expect(await votes(ada, appId)).toEqual(good.map((version) => [version, 1, 0]))
    await hub.settled()
    expect((await ada.call(`GET /applications/${appId}/clients`)).body).toMatchObject({
      clients: [{ client_id: client.clientId, version: '2.0.0+build.5' }]
    })
  })

  test('sees each release exactly once over MQTT, and what it missed when it comes back', async () => {
    const { hub, ada, appId, release } = await stage()
    await using _ = hub
    await using client = await desktop(hub, appId)
    const [first = '', second = '', ...others] = good
    {
      await using listening = await client.listen()
      for (const version of [first, second]) {
        await release(version)
        await listening.until(version)
      }
      expectToldOnce(listening, [first, second])
    }
    const [missed = '', ...last] = others
    await release(missed)
    {
      await using listening = await client.listen()
      await listening.until(missed)
      for (const version of last) {
        await release(version)
        await listening.until(version)
      }
      expectToldOnce(listening, [missed, ...last])
    }
    expect([client.seen, client.current()]).toEqual([good, '2.0.0+build.5'])
    expect(await votes(ada, appId)).toEqual(good.map((version) => [version, 1, 0]))
  })

  test('reports a release that does not run; once it is withdrawn, nobody else is offered it', async () => {
    const { hub, ada, appId, release } = await stage()
    await using _ = hub
    await using one = await desktop(hub, appId)
    await using other = await desktop(hub, appId)
    await release('1.0.0')
    await one.poll('1.0.0')
    await release('1.1.0', 1)
    await one.poll('1.1.0')
    expect(one.current()).toBe('1.0.0')
    const [failing] = await buildsOf(ada, appId)
    expect(failing).toMatchObject({ version: '1.1.0', failure_count: 1 })
    await ada.call(`PATCH /applications/${appId}/builds/${failing?.build_id}`, { disabled: true })
    await other.poll('1.0.0')
    await release('1.1.1')
    await one.poll('1.1.1')
    await other.poll('1.1.1')
    expect([one.seen, other.seen]).toEqual([
      ['1.0.0', '1.1.0', '1.1.1'],
      ['1.0.0', '1.1.1']
    ])
    expect(await votes(ada, appId)).toEqual([
      ['1.0.0', 2, 0],
      ['1.1.0', 0, 1],
      ['1.1.1', 2, 0]
    ])
  })

  test('one of many that listen at once: each sees each release once', async () => {
    const { hub, ada, appId, release } = await stage()
    await using _ = hub
    const clients = await Promise.all(Array.from({ length: 8 }, () => desktop(hub, appId)))
    const listening = await Promise.all(clients.map((client) => client.listen()))
    for (const version of good) {
      await release(version)
      await Promise.all(listening.map((one) => one.until(version)))
    }
    for (const one of listening) await one[Symbol.asyncDispose]()
    for (const client of clients) {
      expect(client.seen).toEqual(good)
      await client[Symbol.asyncDispose]()
    }
    expect(await votes(ada, appId)).toEqual(good.map((version) => [version, 8, 0]))
  })
})
