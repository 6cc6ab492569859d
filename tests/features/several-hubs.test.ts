import { describe, expect, test } from 'bun:test'
import { playGithub } from '../../scripts/demo/github.ts'
import { postgresServer } from '../support/databases.ts'
import { deploy, type TestHub, testDevice } from '../support/hub.ts'
import { twoHubs } from '../support/hubs.ts'
import { deviceClient, mqttClient, mqttUrl, until, userClient, within } from '../support/mqtt.ts'
import { type Made, mine } from '../support/office.ts'
import { apiKeyOf, buildOf, latest, linux, program, publish, testApplication } from '../support/releases.ts'

// SQLite's file belongs to one process.
if (postgresServer) {
  describe('two hubs on one PostgreSQL', () => {
    test('a device of the one is told what was deployed at the other, and its heartbeat gets it at either', async () => {
      await using hubs = await twoHubs()
      const ada = await hubs.first.user('ada')
      const lamp = await testDevice(ada, 'lamp', { app: 'blinker' })
      await using device = await deviceClient(hubs.second, ada, lamp)
      await device.subscribe(['ada/devices/lamp/deployment'])
      const beat = () => hubs.second.call(`PUT /devices/${lamp.secret}/heartbeat?status=running`)
      expect((await beat()).body).toBe('X')
      for (const id of [1, 2, 3]) {
        await deploy(ada, 'blinker', new TextEncoder().encode(`image ${id}`))
        expect(JSON.parse((await device.next()).payload)).toMatchObject({ id })
        expect((await beat()).body).toBe(String(id))
      }
    })

    test('a watcher at the one is told what the other has found at GitHub, and one of them asks', async () => {
      await using github = playGithub()
      github.publish('tools/tool', '1')
      await using hubs = await twoHubs({ GITHUB_API_URL: github.url, REPO_POLL_INTERVAL: '1s' })
      const ada = await hubs.first.user('ada')
      await ada.call('POST /repos', { ownerName: 'tools', name: 'tool' })
      await using client = await userClient(hubs.second, ada)
      await client.subscribe(['repos/#'])
      const versions: string[] = []
      const isNext = async (version: string) => {
        versions.push(JSON.parse((await client.next()).payload).version)
        return versions.at(-1) === version
      }
      for (const version of ['1', '2', '3']) {
        github.publish('tools/tool', version)
        await until(() => isNext(version), `version ${version}`)
      }
      // The first may come a second time: live, and as what a SUBSCRIBE is answered with. Nothing else does.
      expect(versions).toEqual(versions.length > 3 ? ['1', '1', '2', '3'] : ['1', '2', '3'])
      expect(github.asked.length).toBeLessThan(20)
    })

    test('a client of the one is told, over HTTP and MQTT, what was published and withdrawn at the other', async () => {
      await using hubs = await twoHubs()
      const ada = await hubs.first.user('ada')
      const appId = await testApplication(ada)
      await using client = await mqttClient(mqttUrl(hubs.second), { username: crypto.randomUUID() })
      await client.subscribe([`applications/${appId}/${linux}/latest-version`])
      const told = async (version: string) => {
        expect(JSON.parse((await client.next()).payload)).toMatchObject({ version })
        expect((await latest(hubs.second, appId)).version).toBe(version)
      }
      for (const version of ['1.0.0', '1.1.0', '2.0.0']) {
        const { build_id } = buildOf(await publish(ada, appId, { version, url: 'https://example.org/x' }))
        await told(version)
        if (version === '2.0.0') await ada.call(`PATCH /applications/${appId}/builds/${build_id}`, { disabled: true })
      }
      await told('1.1.0')
    })

    test('of 50 publishers of one version at both, one wins; a key replaced at the one is refused at the other at once', async () => {
      await using hubs = await twoHubs()
      const ada = await hubs.first.user('ada')
      const appId = await testApplication(ada)
      const key = await apiKeyOf(hubs.first, appId)
      const answers = await Promise.all(
        Array.from({ length: 50 }, (_, n) =>
          publish(program(n % 2 === 0 ? hubs.first : hubs.second, key), appId, { version: `1.0.0+${n}` })
        )
      )
      expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([201, ...Array(49).fill(409)])
      await apiKeyOf(hubs.first, appId)
      expect((await publish(program(hubs.second, key), appId, { version: '1.0.1' })).status).toBe(401)
    })

    test('votes and sightings of one application at both are all counted, while it is published to and deleted', async () => {
      await using hubs = await twoHubs()
      const ada = await hubs.first.user('ada')
      const appId = await testApplication(ada)
      await publish(ada, appId)
      const said = await Promise.all(
        Array.from({ length: 60 }, (_, n) => {
          const hub = n % 2 === 0 ? hubs.first : hubs.second
          const body = { client_id: crypto.randomUUID(), app_id: appId, current_running_version: '1.0.0', architecture: linux }
          if (n % 10 === 0) return publish(ada, appId, { version: `0.0.${n}` })
          return hub.call(n % 3 === 0 ? 'POST /builds/failure' : 'POST /builds/success', body)
        })
      )
      expect(said.filter(({ status }) => status >= 400)).toEqual([])
      const { body } = await ada.call(`GET /applications/${appId}/builds`)
      const { builds } = body as { builds: { success_count: number; failure_count: number }[] }
      expect(builds.reduce((sum, one) => sum + one.success_count + one.failure_count, 0)).toBe(54)
      await ada.call('DELETE /ada/apps/my-application')
      await until(
        async () =>
          (
            await hubs.second.call('POST /applications/latest-version', {
              client_id: crypto.randomUUID(),
              app_id: appId,
              current_running_version: '1.0.0',
              architecture: linux
            })
          ).status === 404,
        'the other hub to know that the application is gone'
      )
    })

    test('what a device has said to the one is read at the other', async () => {
      await using hubs = await twoHubs()
      const ada = await hubs.first.user('ada')
      const lamp = await testDevice(ada, 'lamp', { app: 'blinker' })
      for (const [n, hub] of [hubs.first, hubs.second, hubs.first].entries()) {
        await hub.call(`PUT /devices/${lamp.secret}/heartbeat?status=running`, undefined, { raw: `line ${n}` })
      }
      expect((await ada.call('GET /ada/devices/lamp/log')).body).toMatchObject({
        log: [{ line: 'line 0' }, { line: 'line 1' }, { line: 'line 2' }]
      })
      expect((await ada.call('GET /ada/devices')).body).toMatchObject({ devices: [{ last_seen_at: expect.any(String) }] })
    })

    test('an API key that is regenerated at the one is refused at the other at once; what both store is one chain', async () => {
      await using hubs = await twoHubs()
      const root = await hubs.first.root()
      const made = await root.call('POST /api/v1/applications', mine)
      const { id, apiKey } = (made.body as { data: Made }).data
      const say = (hub: TestHub, key: string) =>
        hub.call('POST /api/v1/logs', { log_type: 'audit', payload: 1 }, { headers: { 'x-api-key': key } })
      const everywhere = await Promise.all(Array.from({ length: 40 }, (_, n) => say(n % 2 ? hubs.first : hubs.second, apiKey)))
      expect(everywhere.every(({ status }) => status === 201)).toBe(true)
      const renewed = await root.call(`POST /api/v1/applications/${id}/regenerate-key`)
      expect((await say(hubs.second, apiKey)).status).toBe(401)
      expect((await say(hubs.second, (renewed.body as { data: Made }).data.apiKey)).status).toBe(201)
      const check = await hubs.second.as(root.token).call(`GET /api/v1/logs/verify-chain?application_id=${id}`)
      expect(check.body).toMatchObject({ data: { intact: true, checked: 41 } })
    })

    test('a member at the one hears what a device says at the other, over MQTT and in a heartbeat', async () => {
      await using hubs = await twoHubs()
      const ada = await hubs.first.user('ada')
      const lamp = await testDevice(ada, 'lamp', { app: 'blinker' })
      await using member = await userClient(hubs.second, ada)
      await member.subscribe(['ada/devices/+/status', 'ada/devices/+/log'])
      const beat = (line: string) =>
        hubs.first.call(`PUT /devices/${lamp.secret}/heartbeat?status=running`, undefined, { raw: line })
      await until(async () => {
        await beat('is anybody there?') // what nobody wants yet is not passed on
        return member.inbox.length > 0
      }, 'the other hub to know that somebody listens')
      await using device = await deviceClient(hubs.first, ada, lamp)
      await device.client.publishAsync('ada/devices/lamp/log', 'one\ntwo', { qos: 1 })
      await device.client.publishAsync('ada/devices/lamp/status', '{"status":"ready"}', { qos: 1 })
      await beat('three')
      const heard: string[] = []
      while (!heard.at(-1)?.endsWith('three')) {
        const { topic, payload } = await member.next()
        if (!payload.startsWith('is anybody')) heard.push(`${topic.split('/').at(-1)} ${payload}`)
      }
      expect(heard.filter((said) => said !== 'status running')).toEqual([
        'log one\ntwo',
        'status {"status":"ready"}',
        'log three'
      ])
    })

    test('who follows the log of a device at the one reads on as soon as it has said something to the other', async () => {
      await using hubs = await twoHubs()
      const ada = await hubs.first.user('ada')
      const { secret } = await testDevice(ada, 'lamp')
      const beat = (text: string) => hubs.first.call(`PUT /devices/${secret}/heartbeat?status=ready`, undefined, { raw: text })
      await beat('before')
      const response = await hubs.second.as(ada.token).send('GET /ada/devices/lamp/log?follow=true')
      const reader = (response.body as ReadableStream<Uint8Array>).getReader()
      const next = async () => new TextDecoder().decode((await reader.read()).value)
      expect(await next()).toBe('before\n')
      await beat('after')
      expect(await within(next(), 'the next line')).toBe('after\n')
      await reader.cancel()
    })

    test('who follows the log at the one is told what the other stores', async () => {
      await using hubs = await twoHubs()
      const root = await hubs.first.root()
      const made = await root.call('POST /api/v1/applications', mine)
      const { apiKey } = (made.body as { data: Made }).data
      const response = await hubs.second.as(root.token).send('GET /api/v1/logs?follow=true')
      const reader = (response.body as ReadableStream<Uint8Array>).getReader()
      const headers = { 'x-api-key': apiKey }
      await hubs.first.call('POST /api/v1/logs', { log_type: 'audit', payload: 'hello' }, { headers })
      let text = ''
      while (text.trim() === '') text += new TextDecoder().decode((await reader.read()).value)
      expect(JSON.parse(text)).toMatchObject({ payload: 'hello' })
      await reader.cancel()
    })
  })
}
