import { expect, test } from 'bun:test'
import { readFile } from 'node:fs/promises'
import { password } from '../support/hub.ts'
import { hubHome } from '../support/process.ts'

const size = 512 * 1024 * 1024
const chunk = new Uint8Array(64 * 1024).fill(7)

function* chunks() {
  for (let sent = 0; sent < size; sent += chunk.byteLength) yield chunk
}

const stream = () => {
  const source = chunks()
  return new ReadableStream<Uint8Array>({
    pull(controller) {
      const { done, value } = source.next()
      if (done) controller.close()
      else controller.enqueue(value)
    }
  })
}

/** The most memory that a process has had resident, in bytes. */
async function peak(pid: number) {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  return Number(status.match(/VmHWM:\s+(\d+) kB/)?.[1]) * 1024
}

test.skipIf(process.platform !== 'linux')(
  'half a GiB goes up and down with less than 96 MiB of memory',
  async () => {
    await using home = await hubHome({ IMAGE_MAX_BYTES: '1GiB' })
    const hub = await home.start()
    const { body } = await hub.call('POST /login', { body: JSON.stringify({ email: 'root@example.org', password }) })
    const headers = { access_token: (body as { access_token: string }).access_token }
    const device = await hub.call('POST /admin/devices', {
      body: new URLSearchParams({ device_name: 'lamp', board: 'esp8266' }),
      headers
    })
    await hub.call('POST /admin/apps?app_name=blinker', { headers })
    await hub.call('POST /admin/apps/blinker/devices?device_name=lamp', { headers })
    const before = await peak(hub.child.pid)
    const upload = { body: stream(), headers: { ...headers, 'content-type': 'application/octet-stream' } }
    expect((await hub.call('POST /admin/apps/blinker/deployments?board=esp8266', upload)).status).toBe(200)
    const response = await fetch(`${hub.base}/devices/${(device.body as { device_secret: string }).device_secret}/image`)
    let received = 0
    for await (const part of response.body ?? []) received += part.byteLength
    expect(received).toBe(size)
    expect((await peak(hub.child.pid)) - before).toBeLessThan(96 * 1024 * 1024)
    hub.child.kill('SIGTERM')
    expect(await hub.child.exited).toBe(0)
  },
  120_000
)
