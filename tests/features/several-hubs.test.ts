import { describe, expect, test } from 'bun:test'
import { playGithub } from '../../scripts/demo/github.ts'
import { freshDatabase, postgresServer } from '../support/databases.ts'
import { deploy, testDevice, testHub } from '../support/hub.ts'
import { deviceClient, userClient } from '../support/mqtt.ts'

/** Two hubs on one database; they share no memory. */
async function twoHubs(variables: Record<string, string> = {}) {
  const database = await freshDatabase()
  const env = { ...variables, DATABASE_URL: database?.url ?? '' }
  const [first, second] = [await testHub({ env }), await testHub({ env })]
  return {
    first,
    second,
    async [Symbol.asyncDispose]() {
      await first[Symbol.asyncDispose]()
      await second[Symbol.asyncDispose]()
      await database?.drop()
    }
  }
}

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
      for (const version of ['1', '2', '3']) {
        github.publish('tools/tool', version)
        expect(JSON.parse((await client.next()).payload)).toMatchObject({ version })
      }
      expect(github.asked.length).toBeLessThan(20)
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
  })
}
