import { hashSecret } from '../../../src/lib/secrets.ts'
import { secretOf } from '../fleet.ts'

// The least that answers each of so many devices: what the cost of a large fleet is held against.
const devices = new Map<string, { answer: string }>()
for (let number = 1; number <= Number(process.env.DEVICES); number += 1)
  devices.set(hashSecret(secretOf(number)), { answer: String(number) })

const server = Bun.serve({
  hostname: '127.0.0.1',
  port: Number(process.env.PORT),
  fetch({ url }) {
    const secret = /\/devices\/(\w+)\//.exec(url)?.[1] ?? ''
    const device = devices.get(hashSecret(secret))
    return device ? new Response(device.answer) : new Response('', { status: 404 })
  }
})
console.log(server.port)
