import { describe, expect, test } from 'bun:test'
import { databaseName } from '../support/databases.ts'
import { testDevice } from '../support/hub.ts'
import { deviceClient, mqttClient, mqttUrl, noticed, restart, userClient } from '../support/mqtt.ts'
import { makePackage, recipe, registry, upload } from '../support/registry.ts'

const topic = 'packages/zlib/latest'

const said = (payload: string) => JSON.parse(payload) as { id: string; version: string; revision: string }

async function published(answer: Promise<{ body: unknown }>) {
  const { id, version, revision } = (await answer).body as { id: string; version: string; revision: string }
  return { id, version, revision }
}

describe(`packages/<name>/latest on ${databaseName}`, () => {
  test('is retained: whoever subscribes finds the latest, then hears of another, once', async () => {
    await using t = await registry()
    await t.publish('1.0.0')
    const first = await published(t.publish('1.1.0'))
    await using client = await userClient(t.hub, t.ada)
    expect(await client.subscribe([topic])).toEqual([1])
    const { payload, ...retained } = await client.next()
    expect([retained, said(payload)]).toEqual([{ topic, retain: true, qos: 1, dup: false }, first])
    await t.publish('1.0.1')
    const second = await published(t.publish('1.2.0', { revision: 'b' }))
    const { payload: news, ...live } = await client.next()
    expect([live, said(news)]).toEqual([{ topic, retain: false, qos: 1, dup: false }, second])
  })

  test('who subscribes before a publish is told of hears of it once, by which of the two comes first', async () => {
    await using t = await registry()
    await using client = await userClient(t.hub, t.ada)
    const publishing = Array.from({ length: 10 }, (_, n) => t.publish(`1.${n}.0`))
    for (let times = 0; times < 5; times++) await client.subscribe([topic])
    await Promise.all(publishing)
    const end = await published(t.publish('2.0.0'))
    const live: string[] = []
    for (let id = ''; id !== end.id; ) {
      const { payload, retain } = await client.next()
      id = said(payload).id
      if (!retain) live.push(id)
    }
    expect(live).toEqual([...new Set(live)])
  })

  test('a package without a version says nothing until it has one', async () => {
    await using t = await registry()
    await using client = await userClient(t.hub, t.ada)
    await client.subscribe([topic])
    const first = await published(t.publish('1.0.0'))
    const { payload, retain } = await client.next()
    expect([said(payload), retain]).toEqual([first, false])
  })

  test('another revision of the latest version is news, one of an older version is not', async () => {
    await using t = await registry()
    await t.publish('1.0.0')
    await t.publish('1.1.0')
    await using client = await userClient(t.hub, t.ada)
    await client.subscribe([topic])
    await client.next()
    await t.publish('1.0.0', { revision: '2' })
    const news = await published(t.publish('1.1.0', { revision: '2' }))
    expect(said((await client.next()).payload)).toEqual(news)
  })

  test('a recipe that waits for its archive is told once that has come', async () => {
    await using t = await registry()
    await using client = await userClient(t.hub, t.ada)
    await client.subscribe([topic])
    const { id, arUploadToken: token } = await t.awaiting('2.0.0')
    const older = await published(t.publish('1.0.0'))
    expect(said((await client.next()).payload)).toEqual(older)
    await upload(t.hub, { id, token }, new Uint8Array(10))
    expect(said((await client.next()).payload)).toEqual({ id, version: '2.0.0', revision: '1' })
  })

  test('yanking tells what is the latest then; an empty payload when there is none any more', async () => {
    await using t = await registry()
    const first = await published(t.publish('1.0.0'))
    await t.publish('1.1.0')
    await using client = await userClient(t.hub, t.ada)
    await client.subscribe([topic])
    await client.next()
    const yank = (version: string, method = 'PUT') => t.ada.call(`${method} /v1/packages/${t.id}/recipes/${version}/yank`)
    await yank('1.1.0')
    expect(said((await client.next()).payload)).toEqual(first)
    await yank('1.0.0')
    expect(await client.next()).toMatchObject({ topic, payload: '', retain: false })
    await using late = await userClient(t.hub, t.ada)
    await late.subscribe([topic])
    await yank('1.0.0', 'DELETE')
    for (const one of [client, late]) expect(said((await one.next()).payload)).toEqual(first)
  })

  test('anybody who is signed in may hear it, a device and a desktop client too, and nothing else below it', async () => {
    await using t = await registry()
    const first = await published(t.publish('1.0.0'))
    const grace = await t.hub.user('grace')
    const lamp = await testDevice(grace, 'lamp', { app: 'blinker' })
    await using device = await deviceClient(t.hub, grace, lamp)
    await using user = await userClient(t.hub, grace)
    await using desktop = await mqttClient(mqttUrl(t.hub), { username: crypto.randomUUID() })
    for (const client of [device, user, desktop]) {
      expect(await client.subscribe([topic, 'packages/#', '#', '+/zlib/latest', 'packages'])).toEqual([1, 1, 128, 128, 128])
      expect(said((await client.next()).payload)).toEqual(first)
    }
  })

  test('nobody publishes into it', async () => {
    await using t = await registry()
    await using client = await userClient(t.hub, t.ada)
    client.client.publish(topic, '{"version":"6.6.6"}', { qos: 1 })
    await client.closed
    expect(await t.versions()).toEqual([])
  })

  test('a wildcard finds every package, also more than may be unacknowledged at a time', async () => {
    await using t = await registry()
    const names = Array.from({ length: 250 }, (_, n) => `p${String(n).padStart(3, '0')}`)
    await using last = await userClient(t.hub, t.ada)
    await last.subscribe([`packages/${names.at(-1)}/latest`])
    for (const name of names) {
      const id = await makePackage(t.ada, name)
      await t.ada.call(`POST /v1/packages/${id}/recipes`, recipe('1.0.0'))
    }
    await last.next() // what was told of all others is told
    for (const [filter, qos] of [
      ['packages/+/latest', 1],
      ['packages/#', 0]
    ] as const) {
      await using client = await userClient(t.hub, t.ada)
      await client.subscribe([filter], qos)
      const found: string[] = []
      while (found.length < names.length) {
        const message = await client.next()
        expect([message.retain, message.qos]).toEqual([true, qos])
        found.push(message.topic)
      }
      expect(found).toEqual(names.map((name) => `packages/${name}/latest`))
    }
  })

  test('is right after a restart', async () => {
    await using t = await registry()
    await t.publish('1.0.0')
    await using hub = await restart(t.hub)
    await using client = await userClient(hub, t.ada)
    await client.subscribe(['packages/+/latest'])
    expect(said((await client.next()).payload)).toMatchObject({ version: '1.0.0' })
  })

  test('who was away finds what is the latest now on coming back', async () => {
    await using t = await registry()
    await t.publish('1.0.0')
    const session = { clientId: 'reader', clean: false }
    const away = await userClient(t.hub, t.ada, session)
    await away.subscribe([topic])
    await away.next()
    await away[Symbol.asyncDispose]()
    const told = noticed(t.hub, 'package.latest')
    const news = await published(t.publish('1.1.0'))
    await told
    await using back = await userClient(t.hub, t.ada, session)
    expect(said((await back.next()).payload)).toEqual(news)
  })

  test('fifty publishers at once: the last that is heard is the latest', async () => {
    await using t = await registry()
    await using client = await userClient(t.hub, t.ada)
    await client.subscribe([topic])
    await Promise.all(Array.from({ length: 50 }, (_, n) => t.publish(`1.${n}.0`)))
    expect(await t.latest()).toEqual(['1.49.0'])
    let heard = ''
    while (heard !== '1.49.0') heard = said((await client.next()).payload).version
    const end = await published(t.publish('2.0.0'))
    expect(said((await client.next()).payload)).toEqual(end)
  })
})
