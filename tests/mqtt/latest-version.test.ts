import { describe, expect, test } from 'bun:test'
import { databaseName } from '../support/databases.ts'
import { type TestHub, testDevice, testHub } from '../support/hub.ts'
import { deviceClient, mqttClient, mqttUrl, noticed, packetClient, restart, userClient, within } from '../support/mqtt.ts'
import { buildOf, latest, linux, publish, testApplication, windows } from '../support/releases.ts'

const idOf = () => crypto.randomUUID()

/** A desktop client: its id as username, and no password. */
const desktopClient = (hub: { ports: { mqtt: number } }, options: Parameters<typeof mqttClient>[1] = {}) =>
  mqttClient(mqttUrl(hub), { username: idOf(), ...options })

async function stage(env: Record<string, string> = {}) {
  const hub = await testHub({ env })
  const ada = await hub.user('ada')
  const appId = await testApplication(ada)
  const topicOf = (architecture: string, app = appId) => `applications/${app}/${architecture}/latest-version`
  const set = (buildId: string, disabled: boolean) => ada.call(`PATCH /applications/${appId}/builds/${buildId}`, { disabled })
  return { hub, ada, appId, topicOf, set }
}

/** What HTTP answers, as the topic has it. */
async function asToldBy(hub: TestHub, appId: string, architecture = linux) {
  const { build_id, version, url } = await latest(hub, appId, { architecture })
  return { build_id, version, url }
}

/** Publishes, and waits until that is told: who subscribes after that finds it, and hears of it no more. */
async function publishTold(hub: TestHub, ...given: Parameters<typeof publish>) {
  const told = noticed(hub, 'release.published')
  await publish(...given)
  await told
}

describe(`applications/<app_id>/<architecture>/latest-version on ${databaseName}`, () => {
  test('is what HTTP answers, as retained', async () => {
    const { hub, ada, appId, topicOf } = await stage()
    await using _ = hub
    await publishTold(hub, ada, appId, { version: '1.0.0' })
    await publishTold(hub, ada, appId, { version: '1.2.0' })
    await using client = await desktopClient(hub)
    expect(await client.subscribe([topicOf(linux)])).toEqual([1])
    const { payload, ...message } = await client.next()
    expect(message).toEqual({ topic: topicOf(linux), retain: true, qos: 1, dup: false })
    expect(JSON.parse(payload)).toEqual(await asToldBy(hub, appId))
  })

  test('is told on publish, withdrawal and reinstatement; on withdrawal of the last it is empty', async () => {
    const { hub, ada, appId, topicOf, set } = await stage()
    await using _ = hub
    await using client = await desktopClient(hub)
    await client.subscribe([topicOf(linux)])
    const told = async () => {
      const { payload, retain } = await client.next()
      expect(retain).toBe(false)
      return payload === '' ? '' : (JSON.parse(payload) as { version: string }).version
    }
    const first = buildOf(await publish(ada, appId, { version: '1.0.0' })).build_id
    expect(await told()).toBe('1.0.0')
    const second = buildOf(await publish(ada, appId, { version: '1.1.0' })).build_id
    expect(await told()).toBe('1.1.0')
    await set(second, true)
    expect(await told()).toBe('1.0.0')
    await set(first, true)
    expect(await told()).toBe('')
    await set(second, false)
    expect(await told()).toBe('1.1.0')
    await ada.call('DELETE /ada/apps/my-application')
    expect(await told()).toBe('')
  })

  test('is not told where the latest stays what it was', async () => {
    const { hub, ada, appId, topicOf, set } = await stage()
    await using _ = hub
    await publishTold(hub, ada, appId, { version: '2.0.0' })
    await using client = await desktopClient(hub)
    await client.subscribe([topicOf(linux)])
    expect(JSON.parse((await client.next()).payload)).toMatchObject({ version: '2.0.0' })
    const older = buildOf(await publish(ada, appId, { version: '1.0.0' })).build_id
    await set(older, true)
    await publish(ada, appId, { version: '3.0.0', architecture: windows })
    await publish(ada, await testApplication(ada, 'Other'), { version: '4.0.0' })
    await publish(ada, appId, { version: '2.0.1' })
    expect(JSON.parse((await client.next()).payload)).toMatchObject({ version: '2.0.1' })
  })

  test('a build published by url tells that url', async () => {
    const { hub, ada, appId, topicOf } = await stage()
    await using _ = hub
    await using client = await desktopClient(hub)
    await client.subscribe([topicOf(linux)])
    await publish(ada, appId, { url: 'https://example.org/x' })
    expect(JSON.parse((await client.next()).payload)).toMatchObject({ url: 'https://example.org/x' })
  })

  test('links begin with PUBLIC_URL where it is set', async () => {
    const { hub, ada, appId, topicOf } = await stage({ PUBLIC_URL: 'https://hub.example.org' })
    await using _ = hub
    await publish(ada, appId)
    await using client = await desktopClient(hub)
    await client.subscribe([topicOf(linux)])
    expect(JSON.parse((await client.next()).payload)).toMatchObject({
      url: expect.stringMatching(/^https:\/\/hub\.example\.org\/downloads\//)
    })
  })

  test('wildcards over architectures, and levels below the application', async () => {
    const { hub, ada, appId, topicOf } = await stage()
    await using _ = hub
    await publishTold(hub, ada, appId, { version: '1.0.0' })
    await publishTold(hub, ada, appId, { version: '2.0.0', architecture: windows })
    for (const filter of [`applications/${appId}/+/latest-version`, `applications/${appId}/#`, `applications/${appId}/+/+`]) {
      await using client = await desktopClient(hub)
      expect(await client.subscribe([filter])).toEqual([1])
      const topics = [(await client.next()).topic, (await client.next()).topic]
      expect(topics.toSorted()).toEqual([topicOf(windows), topicOf(linux)])
    }
  })

  test('is right after a restart, and for a client that was away', async () => {
    const { hub, ada, appId, topicOf } = await stage()
    await using _ = hub
    const options = { username: idOf(), clientId: 'desk', clean: false }
    {
      await using client = await desktopClient(hub, options)
      await client.subscribe([topicOf(linux)])
      await client.client.endAsync()
    }
    await publish(ada, appId, { version: '1.0.0' })
    {
      // Its session knows what it has subscribed to: it is told without asking again.
      await using client = await desktopClient(hub, options)
      expect(JSON.parse((await client.next()).payload)).toMatchObject({ version: '1.0.0' })
    }
    await using again = await restart(hub)
    await using client = await desktopClient(again)
    await client.subscribe([topicOf(linux)])
    expect(JSON.parse((await client.next()).payload)).toMatchObject({ version: '1.0.0' })
  })

  test('the end of a team, and of an account, empties what was theirs and nothing else', async () => {
    const { hub, ada, appId, topicOf } = await stage()
    await using _ = hub
    const eve = await hub.user('eve')
    const hers = await testApplication(eve)
    await ada.call('POST /teams', { name: 'acme' })
    const { body } = await ada.call('POST /applications', { name: 'Shared', team: 'acme' })
    const shared = (body as { id: string }).id
    for (const [user, id] of [
      [ada, appId],
      [eve, hers],
      [ada, shared]
    ] as const)
      await publish(user, id)
    await using client = await desktopClient(hub)
    await client.subscribe([appId, hers, shared].map((id) => topicOf(linux, id)))
    for (let n = 0; n < 3; n++) await client.next()
    await ada.call('DELETE /teams/acme')
    expect(await client.next()).toMatchObject({ topic: topicOf(linux, shared), payload: '' })
    await eve.call('DELETE /auth')
    expect(await client.next()).toMatchObject({ topic: topicOf(linux, hers), payload: '' })
    await publishTold(hub, ada, appId, { version: '1.0.1' })
    expect(await client.next()).toMatchObject({ topic: topicOf(linux) })
  })

  test('a client that has unsubscribed, or gone, is told no more', async () => {
    const { hub, ada, appId, topicOf } = await stage()
    await using _ = hub
    await using client = await desktopClient(hub)
    await using other = await desktopClient(hub)
    await client.subscribe([topicOf(linux), topicOf(windows)])
    await other.subscribe([topicOf(linux)])
    await client.client.unsubscribeAsync(topicOf(linux))
    await other.client.endAsync(true)
    await publishTold(hub, ada, appId)
    await publishTold(hub, ada, appId, { architecture: windows })
    expect(await client.next()).toMatchObject({ topic: topicOf(windows) })
  })
})

describe(`who may hear of versions on ${databaseName}`, () => {
  test('a user may, of any application that they know the id of; a device may not', async () => {
    const { hub, ada, appId, topicOf } = await stage()
    await using _ = hub
    await publishTold(hub, ada, appId)
    const eve = await hub.user('eve')
    await using client = await userClient(hub, eve)
    expect(await client.subscribe([topicOf(linux)])).toEqual([1])
    expect(JSON.parse((await client.next()).payload)).toMatchObject({ version: '1.0.0' })
    const lamp = await testDevice(ada, 'lamp')
    await using device = await deviceClient(hub, ada, lamp)
    expect(await device.subscribe([topicOf(linux)])).toEqual([128])
  })

  test('nobody may ask which applications there are, and a desktop client for nothing else', async () => {
    const { hub, ada, appId, topicOf } = await stage()
    await using _ = hub
    const refused = [
      'applications/#',
      `applications/+/${linux}/latest-version`,
      'applications/+/+/latest-version',
      '+/+/+/latest-version',
      '#',
      '+/#',
      `applications/${appId}`,
      `applications/${appId}/arm64/latest-version`,
      `applications/${appId}/${linux}`,
      `applications/${appId}/${linux}/other`,
      `applications/${appId}/+/latest-version/x`,
      `applications//${linux}/latest-version`,
      '$SYS/#'
    ]
    await using client = await desktopClient(hub)
    expect(await client.subscribe([...refused, 'ada/#', 'ada/devices/lamp/deployment'])).toEqual(
      Array(refused.length + 2).fill(128)
    )
    await using user = await userClient(hub, ada)
    expect(await user.subscribe(refused)).toEqual(Array(refused.length).fill(128))
    expect(await client.subscribe([topicOf(linux)])).toEqual([1])
  })

  test('a desktop client publishes nothing', async () => {
    const { hub, topicOf } = await stage()
    await using _ = hub
    await using client = await packetClient(hub, { username: idOf() })
    client.publish(1, topicOf(linux), '{}')
    await within(client.closed, 'the end of the connection')
  })

  test('signs in by its id alone, which must be a UUID; not with MQTT_ANONYMOUS=false', async () => {
    const { hub } = await stage()
    await using _ = hub
    const code = async (of: TestHub, options: Parameters<typeof packetClient>[1]) => {
      await using client = await packetClient(of, options)
      return client.connack.cmd === 'connack' ? client.connack.returnCode : undefined
    }
    expect(await code(hub, { username: idOf() })).toBe(0)
    expect(await code(hub, { username: idOf().toUpperCase(), password: '' })).toBe(0)
    for (const username of ['', 'me', 'ada', `${idOf()}x`, `ada/${idOf()}`]) expect(await code(hub, { username })).toBe(4)
    expect(await code(hub, { username: idOf(), password: 'x' })).toBe(4)
    expect(await code(hub, { clientId: idOf() })).toBe(4)
    await using closed = await testHub({ env: { MQTT_ANONYMOUS: 'false' } })
    expect(await code(closed, { username: idOf() })).toBe(4)
    const ada = await closed.user('ada')
    expect(await code(closed, { username: 'ada', password: ada.token })).toBe(0)
  })

  test('desktop clients that are told are counted, and told once however their filters overlap', async () => {
    const { hub, ada, appId, topicOf } = await stage()
    await using _ = hub
    await using client = await desktopClient(hub)
    await client.subscribe([topicOf(linux), `applications/${appId}/#`])
    const told = noticed(hub, 'release.published')
    await publish(ada, appId)
    await told
    await client.next()
    expect(client.inbox).toEqual([])
    const { text } = await hub.hub.metrics.page()
    expect(text).toContain('updraft_notices_told_total{topic="latest-version"} 1')
  })
})
