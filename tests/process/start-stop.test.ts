import { describe, expect, test } from 'bun:test'
import { readFile, stat } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { within } from '../support/mqtt.ts'
import { hubHome } from '../support/process.ts'

const main = new URL('../../src/main.ts', import.meta.url).pathname
const run = async (args: string[], env: Record<string, string> = {}) => {
  const child = Bun.spawn([process.execPath, main, ...args], { env, stdout: 'pipe', stderr: 'pipe' })
  const [code, stdout, stderr] = await Promise.all([
    child.exited,
    new Response(child.stdout).text(),
    new Response(child.stderr).text()
  ])
  return { code, stdout, stderr }
}

describe('the process', () => {
  test('prints where it is and, once, the password that it made up; it keeps its key to itself', async () => {
    await using home = await hubHome({ ADMIN_EMAIL: '', ADMIN_PASSWORD: '' })
    const first = await home.start()
    const made = first.greeting
    expect(made).toMatch(/HTTP +http:\/\/127\.0\.0\.1:\d+\n/)
    expect(made).toMatch(/Swagger UI +http:\/\/127\.0\.0\.1:\d+\/swagger\n/)
    expect(made).toMatch(/MQTT +mqtt:\/\/127\.0\.0\.1:\d+\n/)
    const password = made.match(/First administrator: admin@localhost, password (\w{20}) /)?.[1]
    const login = await first.call('POST /login', { body: JSON.stringify({ email: 'admin@localhost', password }) })
    expect(login.status).toBe(200)
    const key = join(home.dataDir, 'jwt-secret')
    expect((await stat(key)).mode & 0o777).toBe(0o600)
    first.child.kill('SIGTERM')
    expect(await first.child.exited).toBe(0)

    const second = await home.start()
    expect(second.greeting).not.toContain('First administrator')
    const headers = { access_token: (login.body as { access_token: string }).access_token }
    expect((await second.call('GET /me', { headers })).body).toMatchObject({ role: 'SUPER_ADMIN' })
    second.child.kill('SIGTERM')
    expect(await second.child.exited).toBe(0)
    expect(await readFile(key, 'utf8')).toHaveLength(48)
  })

  test.each(['SIGTERM', 'SIGINT'] as const)('ends on %s with 0, whatever streams are open', async (signal) => {
    await using home = await hubHome()
    const hub = await home.start()
    const body = JSON.stringify({ email: 'root@example.org', password: 'correct horse battery' })
    const { access_token } = (await hub.call('POST /login', { body })).body as { access_token: string }
    const headers = { access_token }
    const lamp = JSON.stringify({ device_name: 'lamp', board: 'esp8266' })
    await hub.call('POST /admin/devices', { body: lamp, headers })
    const streams = ['/events?after=0', '/admin/devices/lamp/log?follow=true'].map((path) =>
      fetch(`${hub.base}${path}`, { headers })
    )
    const opened = await Promise.all(streams)
    const idle = connect(Number(new URL(hub.base).port), '127.0.0.1')
    const silent = connect(hub.mqttPort, '127.0.0.1')
    const half = connect(
      Number(new URL(hub.base).port),
      '127.0.0.1',
      () => void half.write('POST /login HTTP/1.1\r\nHost: hub\r\nContent-Length: 100\r\n\r\n{')
    )
    for (const socket of [idle, silent, half]) socket.on('error', () => {})
    await within(new Promise((resolve) => half.once('connect', resolve)), 'the connection').catch(() => {})
    const started = performance.now()
    hub.child.kill(signal)
    expect(await within(hub.child.exited, 'the end of the process', 10_000)).toBe(0)
    expect(performance.now() - started).toBeLessThan(10_000)
    for (const response of opened) await response.text().catch(() => {})
  })

  test('refuses a folder that another hub is at work in, and takes it over from one that was killed', async () => {
    await using home = await hubHome()
    const first = await home.start()
    const second = await run([], { DATA_DIR: home.dataDir, PORT: '0', MQTT_PORT: '0' })
    expect([second.code, second.stderr]).toEqual([1, expect.stringContaining('is in use by another process')])
    first.child.kill('SIGKILL')
    await first.child.exited
    const third = await home.start()
    expect((await third.call('GET /health')).status).toBe(200)
    third.child.kill('SIGTERM')
    expect(await third.child.exited).toBe(0)
  })

  test('explains itself with --help', async () => {
    const { code, stdout } = await run(['--help'])
    expect(code).toBe(0)
    for (const name of ['PORT', 'DATABASE_URL', 'IMAGE_MAX_BYTES']) expect(stdout).toContain(name)
  })

  test('names every problem of its configuration and ends with 1', async () => {
    const { code, stderr } = await run([], { PORT: 'eighty', LOG_LEVEL: 'loud' })
    expect(code).toBe(1)
    expect(stderr).toContain('PORT')
    expect(stderr).toContain('LOG_LEVEL')
  })

  test('says that a port is taken, or a certificate is not there, and ends with 1', async () => {
    await using home = await hubHome()
    const first = await home.start()
    await using second = await hubHome({ PORT: new URL(first.base).port })
    const taken = await run([], { DATA_DIR: second.dataDir, PORT: new URL(first.base).port, MQTT_PORT: '0' })
    expect([taken.code, taken.stderr]).toEqual([1, expect.stringContaining('Updraft cannot start')])
    const files = { TLS_CERT_FILE: '/nowhere/cert.pem', TLS_KEY_FILE: '/nowhere/key.pem' }
    const missing = await run([], { DATA_DIR: second.dataDir, PORT: '0', MQTT_PORT: '0', MQTTS_PORT: '0', ...files })
    expect([missing.code, missing.stderr]).toEqual([1, expect.stringContaining('/nowhere/cert.pem')])
    first.child.kill('SIGTERM')
    expect(await first.child.exited).toBe(0)
  })
})
