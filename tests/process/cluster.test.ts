import { describe, expect, test } from 'bun:test'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import postgres from 'postgres'
import { callerOf } from '../support/caller.ts'
import { balancerConfig, hasBalancer, ownPostgres, startCluster } from '../support/cluster.ts'
import { play } from '../support/cluster-device.ts'
import { deploy, testDevice } from '../support/hub.ts'
import { asDevice, mqttClient, until } from '../support/mqtt.ts'
import { wholeLog } from '../support/speaker.ts'

const storm = { devices: 200, forMs: 60_000, every: 1000 }

describe.skipIf(!hasBalancer())('hubs behind HAProxy', () => {
  test('the configuration is valid with and without what may be left out', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'updraft-haproxy-'))
    const [key, cert, pem] = ['key.pem', 'cert.pem', 'both.pem'].map((name) => join(folder, name)) as [string, string, string]
    Bun.spawnSync(['openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=hub', '-keyout', key, '-out', cert])
    await Bun.write(pem, `${await Bun.file(cert).text()}${await Bun.file(key).text()}`)
    const hub = (n: number) => ({
      [`HUB${n}_HOST`]: '127.0.0.1',
      [`HUB${n}_HTTP`]: '3000',
      [`HUB${n}_MQTT`]: '1883',
      [`HUB${n}_MQTTS`]: '8883'
    })
    const least = { HTTP_BIND: '127.0.0.1:8080', MQTT_BIND: '127.0.0.1:1883', ...hub(1) }
    const secure = { MQTTS_BIND: '127.0.0.1:8883', HTTPS_BIND: '127.0.0.1:8443', TLS_PEM: pem }
    for (const variables of [least, { ...least, ...hub(2) }, { ...least, ...hub(2), ...hub(3), ...secure }]) {
      const checked = Bun.spawnSync(['haproxy', '-c', '-f', balancerConfig], { env: { ...process.env, ...variables } })
      expect([checked.exitCode, checked.stderr.toString()]).toEqual([0, expect.not.stringContaining('ALERT')])
    }
    await rm(folder, { recursive: true })
  })

  test.each([2, 3])(
    '%d of them: what is deployed at one is told to the devices of the others',
    async (count) => {
      await using server = await ownPostgres()
      await using cluster = await startCluster(count, server.url)
      const [first, ...others] = cluster.hubPorts.map(({ http }) => callerOf(`http://127.0.0.1:${http}`))
      if (!first) throw new Error('no hub')
      const ada = await first.user('ada')
      const devices = await Promise.all(
        Array.from({ length: 20 * count }, (_, n) => testDevice(ada, `lamp${n}`, { app: 'blinker' }))
      )
      const clients = await Promise.all(
        devices.map(async (device) => {
          const client = await mqttClient(`mqtt://127.0.0.1:${cluster.ports.mqtt}`, { ...asDevice(ada, device) })
          await client.subscribe([`ada/devices/${device.name}/deployment`])
          return client
        })
      )
      const counts = await Promise.all(
        cluster.hubs.map(async (hub) => figureOf((await hub.call('GET /metrics')).body, 'updraft_mqtt_clients'))
      )
      expect(counts.reduce((sum, n) => sum + n)).toBe(devices.length)
      expect(Math.min(...counts)).toBeGreaterThan(0) // each hub has its share
      const delays: number[] = []
      for (let round = 0; round < 10; round++) {
        const since = performance.now()
        await deploy(ada, 'blinker', new TextEncoder().encode(`image ${round}`))
        const told = clients.map(async (client) => {
          await client.next()
          delays.push(performance.now() - since)
        })
        await Promise.all(told)
      }
      const sorted = delays.toSorted((a, b) => a - b)
      const at = (share: number) => Math.round(sorted[Math.floor(sorted.length * share)] ?? 0)
      console.log(`a deployment is told by ${count} hubs after ${at(0.5)} ms (median), ${at(0.99)} ms (p99), request included`)
      expect(at(0.99)).toBeLessThan(3000)
      expect(others.length).toBe(count - 1)
      for (const client of clients) await client[Symbol.asyncDispose]()
    },
    120_000
  )

  test('are killed and started again in turn for a minute: nothing acknowledged is lost, and every device ends on the newest deployment', async () => {
    await using server = await ownPostgres()
    await using cluster = await startCluster(3, server.url)
    const ada = await callerOf(cluster.base).user('ada')
    await ada.call('POST /ada/apps', { app_name: 'blinker' })
    const names = Array.from({ length: storm.devices }, (_, n) => `lamp${n}`)
    const devices = await Promise.all(names.map((name) => testDevice(ada, name)))
    for (const name of names) {
      const associated = await ada.call('POST /ada/apps/blinker/devices', { device_name: name })
      expect(associated).toMatchObject({ status: 200 })
    }
    const players = devices.map((device, n) => play(cluster, ada, device, { every: storm.every, overMqtt: n % 2 === 0 }))
    const endsAt = performance.now() + storm.forMs
    const deployed: number[] = []
    let relaunched = 0

    async function change(round: number) {
      const answer = await deploy(ada, 'blinker', new TextEncoder().encode(`image ${round}`)).catch(() => undefined)
      if (answer?.status === 200) deployed.push((answer.body as { deployment_id: number }).deployment_id)
      for (const name of names.filter((_, n) => n % 40 === round % 40)) {
        const asked = await ada.call(`PUT /ada/devices/${name}/relaunch`).catch(() => undefined)
        if (asked?.status === 200) relaunched++
      }
    }
    const changing = (async () => {
      for (let round = 0; performance.now() < endsAt; round++) {
        await change(round)
        await Bun.sleep(500)
      }
    })()
    let crashes = 0
    while (performance.now() < endsAt) {
      await Bun.sleep(2000)
      await cluster.crash(crashes++ % 3, 500)
    }
    await changing
    await until(async () => (await deploy(ada, 'blinker', new Uint8Array(100))).status === 200, 'the last deployment', 20_000)

    const sql = postgres(server.url, { max: 1, onnotice() {} })
    const rows = await sql<{ id: number }[]>`select id::int from deployments order by id`
    await sql.end()
    const newest = rows.at(-1)?.id ?? 0
    const isUpToDate = ({ newest: { heartbeat, message } }: (typeof players)[number], n: number) =>
      heartbeat === newest && (n % 2 === 1 || message === newest)
    await until(() => players.every(isUpToDate), 'every device to be on the newest deployment', 30_000)
    await Bun.sleep(1500) // until what was told is settled
    await Promise.all(players.map((player) => player.stop()))

    const ids = new Set(rows.map(({ id }) => id))
    expect(deployed.filter((id) => !ids.has(id))).toEqual([])
    const lost: string[] = []
    const twice: string[] = []
    for (const { device, acknowledged } of players) {
      const lines = await wholeLog({ base: cluster.base, token: ada.token, path: `/ada/devices/${device.name}` })
      const stored = new Set(lines)
      lost.push(...acknowledged.filter((line) => !stored.has(line)))
      const beats = lines.filter((line) => line.includes('heartbeat'))
      if (new Set(beats).size < beats.length) twice.push(device.name)
    }
    const said = players.reduce((sum, { acknowledged }) => sum + acknowledged.length, 0)
    const refused = players.reduce((sum, player) => sum + player.refused(), 0)
    const told = players.flatMap(({ relaunches }) => relaunches).length
    console.log(
      `${crashes} hubs killed: ${said} lines acknowledged, ${refused} refused; ${deployed.length} deployments; ${relaunched} relaunches asked for, ${told} told`
    )
    expect({ lost, twice }).toEqual({ lost: [], twice: [] })
    expect(players.filter(({ relaunches }) => isToldTwice(relaunches)).map(({ device }) => device.name)).toEqual([])
    expect(crashes).toBeGreaterThan(5)
    expect(said).toBeGreaterThan(1000)
  }, 240_000)
})

/** Whether a device was told of a relaunch again after it had been told of it for certain. */
function isToldTwice(tellings: { seq: number | undefined; isSettled: boolean }[]) {
  let settled = 0
  for (const { seq, isSettled } of tellings) {
    if (seq !== undefined && seq <= settled) return true
    if (seq !== undefined && isSettled) settled = seq
  }
  return false
}

const figureOf = (page: unknown, name: string) => Number(String(page).match(new RegExp(`^${name} (\\d+)`, 'm'))?.[1] ?? 0)
