import { expect, test } from 'bun:test'
import { readdir } from 'node:fs/promises'
import { operate } from '../support/command.ts'
import { createLedger, faultless } from '../support/crash/ledger.ts'
import { flood, hasFoldThread } from '../support/flood.ts'
import { password } from '../support/hub.ts'
import { until } from '../support/mqtt.ts'
import { type HubProcess, hubHome } from '../support/process.ts'
import { wholeLog } from '../support/speaker.ts'

const names = Array.from({ length: 8 }, (_, n) => `lamp${n}`)
const kills = 4

async function signIn(hub: HubProcess) {
  const { body } = await hub.call('POST /login', { body: JSON.stringify({ email: 'root@example.org', password }) })
  return (body as { access_token: string }).access_token
}

/** A device of an application, by its secret. */
async function register(hub: HubProcess, token: string, name: string) {
  const ask = (route: string, body: object) => hub.call(route, { body: JSON.stringify(body), headers: { access_token: token } })
  const { body } = await ask('POST /admin/devices', { device_name: name, board: 'esp8266' })
  await ask('POST /admin/apps', { app_name: 'blinker' })
  await ask('POST /admin/apps/blinker/devices', { device_name: name })
  return (body as { device_secret: string }).device_secret
}

test('a hub that is killed while a thread puts what thousands report into the log has each line once, and its chain holds', async () => {
  await using home = await hubHome({ DATABASE_URL: '' })
  let hub = await home.start()
  const token = await signIn(hub)
  const secrets: string[] = []
  for (const name of names) secrets.push(await register(hub, token, name))
  const ledger = createLedger()
  for (let kill = 0; kill < kills; kill++) {
    const { base, child } = hub
    const { stop } = flood({ base, secrets, ledger, name: `before kill ${kill}` })
    await until(() => hasFoldThread(base), 'the thread', 20_000)
    await Bun.sleep(100 + 150 * kill)
    child.kill('SIGKILL')
    await stop()
    await child.exited
    hub = await home.start()
  }
  expect(ledger.acknowledged.size).toBeGreaterThan(kills * 1000)

  const { base } = hub
  const logs = await Promise.all(names.map((name) => wholeLog({ base, token, path: `/admin/devices/${name}` })))
  expect(ledger.faults(logs.flat())).toEqual(faultless)
  await endsWell(hub)
  expect((await operate('verify', home.env)).output).toEndWith('Everything is right.\n')
}, 120_000)

test('a hub that is stopped while a thread has work to do is done with all of it when it ends', async () => {
  await using home = await hubHome({ DATABASE_URL: '' })
  const hub = await home.start()
  const secrets = [await register(hub, await signIn(hub), 'lamp')]
  const { stop } = flood({ base: hub.base, secrets, ledger: createLedger(), name: 'all' })
  await until(() => hasFoldThread(hub.base), 'the thread', 20_000)
  await Bun.sleep(500)
  await stop()
  await endsWell(hub)
  expect((await readdir(home.dataDir)).filter((name) => name.includes('-reports.'))).toEqual([])
}, 60_000)

async function endsWell({ child }: Pick<HubProcess, 'child'>) {
  child.kill('SIGTERM')
  expect(await child.exited).toBe(0)
}
