import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { servedAssets } from '../../src/apis/hub/docs.ts'
import { createLedger } from '../support/crash/ledger.ts'
import { flood, hasFoldThread } from '../support/flood.ts'
import { password } from '../support/hub.ts'
import { mqttClient, until } from '../support/mqtt.ts'
import { hubHome } from '../support/process.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const swagger = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'))

let folder = ''
const program = () => join(folder, 'updraft')

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'updraft-build-'))
  const build = Bun.spawn([process.execPath, 'scripts/build.ts', '--outfile', program()], {
    cwd: root,
    stdout: 'ignore',
    stderr: 'pipe'
  })
  expect([await build.exited, await new Response(build.stderr).text()]).toEqual([0, ''])
}, 120_000)

afterAll(() => rm(folder, { recursive: true, force: true }))

/** Runs the one file in the folder that has nothing else in it. */
async function run(words: string[], env: Record<string, string> = {}) {
  const child = Bun.spawn([program(), ...words], { cwd: folder, env, stdout: 'pipe', stderr: 'pipe' })
  const [output, complaints] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()])
  return { code: await child.exited, output, complaints }
}

describe('the one-file build', () => {
  test('is one file, and a whole hub where there is nothing else', async () => {
    expect(await readdir(folder)).toEqual(['updraft'])
    await using home = await hubHome({}, { command: [program()], cwd: folder })
    const hub = await home.start()
    expect(await hub.call('GET /health')).toEqual({ status: 200, body: {} })
    expect((await hub.call('GET /swagger')).body).toContain('swagger-ui-bundle.js')
    for (const asset of servedAssets) {
      const served = await (await fetch(`${hub.base}/swagger/${asset}`)).bytes()
      expect(Buffer.from(served).equals(await Bun.file(join(swagger, asset)).bytes()), asset).toBe(true)
    }
    expect((await hub.call('GET /swagger/json')).body).toMatchObject({ info: { title: 'Updraft' } })

    const signedIn = await hub.call('POST /login', { body: JSON.stringify({ email: 'root@example.org', password }) })
    const { access_token: token = '' } = signedIn.body as { access_token?: string }
    const asked = (route: string, body: object) =>
      hub.call(route, { body: JSON.stringify(body), headers: { access_token: token } })
    await using client = await mqttClient(`mqtt://127.0.0.1:${hub.mqttPort}`, { username: 'root', password: token })
    expect(await client.subscribe(['packages/blink-lib/latest'])).toEqual([1])
    const { id } = (await asked('POST /v1/packages', { name: 'blink-lib' })).body as { id: string }
    const recipe = { version: '1.0.0', revision: '1', recipe: "name = 'blink-lib'" }
    expect((await asked(`POST /v1/packages/${id}/recipes`, recipe)).status).toBe(201)
    expect(JSON.parse((await client.next()).payload)).toMatchObject({ version: '1.0.0' })
    const broken = await asked(`POST /v1/packages/${id}/recipes`, { ...recipe, revision: '2', recipe: 'name = = 1' })
    expect(broken.body).toMatchObject({ message: expect.stringContaining('recipe does not parse as Lua') })

    const { device_secret: device = '' } = (await asked('POST /admin/devices', { device_name: 'lamp', board: 'esp8266' }))
      .body as { device_secret?: string }
    const { stop } = flood({ base: hub.base, secrets: [device], ledger: createLedger(), name: 'lamp' })
    await until(() => hasFoldThread(hub.base), 'the thread for what devices report', 20_000)
    await stop()

    expect((await run(['verify'], home.env)).output).toEndWith('Everything is right.\n')
    expect((await run(['backup', join(home.dataDir, 'hub.tar')], home.env)).code).toBe(0)
    hub.child.kill('SIGTERM')
    expect(await hub.child.exited).toBe(0)
    expect(await readdir(folder)).toEqual(['updraft'])
  }, 60_000)

  test('is the operator’s command as well, with or without the word hub', async () => {
    const help = await run(['--help'])
    expect({ code: help.code, first: help.output.split('\n')[0] }).toEqual({
      code: 0,
      first: 'updraft <command>: the operator’s command of Updraft'
    })
    for (const named of ['DATA_DIR', 'backup <file>']) expect(help.output).toContain(named)
    const data = join(folder, 'data')
    for (const words of [['migrate'], ['hub', 'migrate', '--status']]) {
      const { code, output } = await run(words, { DATA_DIR: data })
      expect({ code, first: output.split('\n')[0] }).toEqual({ code: 0, first: 'applied  0000_foundation' })
    }
    await rm(data, { recursive: true })
    expect((await run(['fly'])).code).toBe(2)
  })
})
