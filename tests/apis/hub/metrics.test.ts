import { describe, expect, test } from 'bun:test'
import { onOneHub } from '../../support/balanced.ts'
import { databaseName } from '../../support/databases.ts'
import { deploy, testDevice, testHub } from '../../support/hub.ts'

const token = 'a-token-for-prometheus'

describe(`GET /metrics on ${databaseName}`, () => {
  onOneHub('counts what the hub does', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    const { secret } = await testDevice(ada, 'lamp', { app: 'blinker' })
    await deploy(ada, 'blinker', new Uint8Array(5000))
    for (let n = 0; n < 3; n++) await hub.call(`PUT /devices/${secret}/heartbeat?status=running`)
    await hub.call(`GET /devices/${secret}/image`, undefined, { headers: { range: 'bytes=0-999' } })
    await hub.call('GET /nowhere/at/all')
    const response = await hub.send('GET /metrics')
    expect(response.headers.get('content-type')).toContain('text/plain; version=0.0.4')
    const text = await response.text()
    const figure = (name: string) => Number(text.match(new RegExp(`^${name.replaceAll(/[{}"]/g, '\\$&')} (\\S+)$`, 'm'))?.[1])
    expect(figure('updraft_heartbeats_total')).toBe(3)
    expect(figure('updraft_image_bytes_total')).toBe(1000)
    expect(figure('updraft_commit_size_sum')).toBe(3)
    expect(figure('updraft_reports_waiting')).toBe(0)
    expect(figure('updraft_refusals_total{over="http",reason="missing"}')).toBe(1)
    expect(figure('process_resident_memory_bytes')).toBeGreaterThan(1e7)
    expect(figure('updraft_event_loop_delay_seconds{quantile="1"}')).toBeGreaterThanOrEqual(0)
    expect(text).not.toContain(secret)
  })

  test('is for this machine only, and not for what a proxy passes on', async () => {
    await using hub = await testHub()
    expect((await hub.call('GET /metrics')).status).toBe(200)
    for (const header of ['x-forwarded-for', 'forwarded', 'x-real-ip', 'via']) {
      expect(await hub.call('GET /metrics', undefined, { headers: { [header]: '203.0.113.7' } })).toEqual({
        status: 403,
        body: { message: 'Without METRICS_TOKEN the figures are for this machine only' }
      })
    }
  })

  test('asks for METRICS_TOKEN where one is set', async () => {
    await using hub = await testHub({ env: { METRICS_TOKEN: token } })
    const ada = await hub.user('ada')
    const status = async (headers: Record<string, string>) => (await hub.call('GET /metrics', undefined, { headers })).status
    expect(await status({})).toBe(401)
    expect(await status({ authorization: `Bearer ${ada.token}` })).toBe(401)
    expect(await status({ authorization: `Bearer ${token}x` })).toBe(401)
    expect(await status({ authorization: `Bearer ${token}`, 'x-forwarded-for': '203.0.113.7' })).toBe(200)
  })
})
