import { describe, expect, test } from 'bun:test'
import { connect as connectTls } from 'node:tls'
import { generate } from 'mqtt-packet'
import { readProxyHeader } from '../../src/mqtt/proxy-header.ts'
import { bareClient, connectBytes } from '../support/bare.ts'
import { testDevice, testHub } from '../support/hub.ts'
import { asDevice, until, within } from '../support/mqtt.ts'
import { tlsHub } from '../support/tls.ts'

const signature = [0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a]
const binary = (command: number, family: number, rest: number[]) =>
  Buffer.from([...signature, command, family, rest.length >> 8, rest.length & 255, ...rest])
const ports = [0x12, 0x34, 0x07, 0x5b]
const v4 = (address: number[]) => binary(0x21, 0x11, [...address, 127, 0, 0, 1, ...ports])
const v6 = [0x20, 0x01, 0x0d, 0xb8, ...Array<number>(11).fill(0), 1]

describe('a header of the PROXY protocol', () => {
  test.each([
    [Buffer.from('PROXY TCP4 203.0.113.7 10.0.0.1 4711 1883\r\n'), '203.0.113.7'],
    [Buffer.from('PROXY TCP6 2001:db8::1 ::1 4711 1883\r\n'), '2001:db8::1'],
    [Buffer.from('PROXY UNKNOWN\r\n'), undefined],
    [Buffer.from('PROXY UNKNOWN whatever this is\r\n'), undefined],
    [v4([203, 0, 113, 7]), '203.0.113.7'],
    [binary(0x21, 0x21, [...v6, ...v6, ...ports]), '2001:db8:0:0:0:0:0:1'],
    [binary(0x21, 0x11, [1, 2, 3, 4, 5, 6, 7, 8, ...ports, 0x04, 0x00, 0x01, 0x00]), '1.2.3.4'], // with more behind it
    [binary(0x20, 0x00, []), undefined],
    [binary(0x21, 0x31, Array<number>(216).fill(0)), undefined]
  ])('%#', (bytes, address) => {
    const all = Buffer.concat([bytes, Buffer.from('what follows')])
    expect(readProxyHeader(all)).toEqual({ size: bytes.length, address })
    for (let length = 0; length < bytes.length; length++) expect(readProxyHeader(all.subarray(0, length))).toBeUndefined()
  })

  test.each([
    Buffer.from('GET / HTTP/1.1\r\n'),
    Buffer.from('PROXY TCP4 2001:db8::1 ::1 1 2\r\n'),
    Buffer.from('PROXY TCP4 203.0.113.7\r\n'),
    Buffer.from('PROXY TCP4 203.0.113.999 10.0.0.1 1 2\r\n'),
    Buffer.from(`PROXY TCP4 ${'1'.repeat(200)}`),
    Buffer.from('PROXY TCP5 1.2.3.4 1.2.3.4 1 2\r\n'),
    binary(0x22, 0x11, [1, 2, 3, 4, 5, 6, 7, 8, ...ports]),
    binary(0x31, 0x11, [1, 2, 3, 4, 5, 6, 7, 8, ...ports]),
    binary(0x21, 0x11, [1, 2, 3, 4]),
    binary(0x21, 0x11, Array<number>(2100).fill(0)),
    Buffer.from([0x10, 0x0c])
  ])('malformed %#', (bytes) => expect(() => readProxyHeader(bytes)).toThrow())
})

const env = { TRUSTED_PROXIES: '127.0.0.1', MQTT_PROXY_PROTOCOL: 'true', MQTT_MAX_CONNECTIONS_PER_ADDRESS: '1' }
const header = (address: string) => Buffer.from(`PROXY TCP4 ${address} 127.0.0.1 4711 1883\r\n`)

describe('MQTT behind a proxy', () => {
  test('a connection counts for the address that the proxy names, however its bytes come', async () => {
    await using hub = await testHub({ env })
    const ada = await hub.user('ada')
    const lamp = await testDevice(ada, 'lamp', { app: 'blinker' })
    const join = async (bytes: Buffer, clientId: string) => {
      const client = await bareClient(hub.ports.mqtt)
      const connect = connectBytes({ ...asDevice(ada, lamp), clientId })
      for (const byte of bytes.subarray(0, 5)) client.sendBytes([byte])
      client.sendBytes(Buffer.concat([bytes.subarray(5), connect]))
      return client
    }
    await using first = await join(header('203.0.113.1'), 'first')
    expect(await first.next()).toMatchObject({ cmd: 'connack', returnCode: 0 })
    await using second = await join(v4([203, 0, 113, 1]), 'second')
    await second.closed
    await using third = await join(v4([203, 0, 113, 2]), 'third')
    expect(await third.next()).toMatchObject({ cmd: 'connack', returnCode: 0 })
    await using own = await join(binary(0x20, 0, []), 'own') // for itself
    expect(await own.next()).toMatchObject({ cmd: 'connack', returnCode: 0 })
  })

  test('who sends no header, or a wrong one, is closed before anything else is read', async () => {
    await using hub = await testHub({ env })
    for (const bytes of [connectBytes({}), Buffer.from('PROXY TCP4 nobody\r\n'), generate({ cmd: 'pingreq' })]) {
      await using client = await bareClient(hub.ports.mqtt)
      client.sendBytes(bytes)
      await client.closed
      expect(client.arrived).toEqual([])
    }
    await using silent = await bareClient(hub.ports.mqtt)
    silent.socket.end()
    await silent.closed
    expect(hub.broker.connected()).toBe(0)
  })

  test('who is no trusted proxy is not asked, and a header of theirs is no MQTT', async () => {
    await using hub = await testHub({ env: { ...env, TRUSTED_PROXIES: '10.0.0.0/8' } })
    const ada = await hub.user('ada')
    const lamp = await testDevice(ada, 'lamp', { app: 'blinker' })
    await using client = await bareClient(hub.ports.mqtt)
    client.sendBytes(connectBytes(asDevice(ada, lamp)))
    expect(await client.next()).toMatchObject({ cmd: 'connack', returnCode: 0 })
    client.socket.destroy()
    await until(() => hub.broker.connected() === 0, 'it to be gone')
    await using liar = await bareClient(hub.ports.mqtt)
    liar.sendBytes(header('203.0.113.1'))
    await liar.closed
  })

  test('over TLS the header comes before the handshake', async () => {
    await using hub = await tlsHub({}, env)
    const ada = await hub.user('ada')
    const lamp = await testDevice(ada, 'lamp', { app: 'blinker' })
    const ca = await Bun.file(hub.cert).text()
    async function join(bytes: Buffer, clientId: string) {
      const raw = await bareClient(hub.tlsPort)
      raw.socket.removeAllListeners('data')
      raw.sendBytes(bytes)
      const socket = connectTls({ socket: raw.socket, ca, servername: 'localhost' })
      socket.on('error', () => {})
      const ended = new Promise((resolve) => socket.once('close', () => resolve('closed')))
      const answered = new Promise((resolve) => socket.once('data', (data: Buffer) => resolve(data.toString('hex'))))
      socket.write(connectBytes({ ...asDevice(ada, lamp), clientId }))
      const result = await within(Promise.race([answered, ended]), 'an answer')
      return { result, socket, ended }
    }
    const first = await join(header('203.0.113.1'), 'first')
    expect(first.result).toBe('20020000')
    expect((await join(v4([203, 0, 113, 1]), 'second')).result).toBe('closed')
    const third = await join(v4([203, 0, 113, 3]), 'third')
    expect(third.result).toBe('20020000')
    const pong = new Promise((resolve) => third.socket.once('data', (data: Buffer) => resolve(data.toString('hex'))))
    third.socket.write(generate({ cmd: 'pingreq' }))
    expect(await pong).toBe('d000')
    third.socket.destroy()
    first.socket.end(generate({ cmd: 'disconnect' }))
    await first.ended
    await until(() => hub.broker.connected() === 0, 'both to be gone')
    expect((await join(Buffer.alloc(0), 'no header')).result).toBe('closed')
  })

  test('a WebSocket counts for the address in X-Forwarded-For', async () => {
    await using hub = await testHub({ env })
    const open = (address: string) => {
      const options = { protocols: ['mqtt'], headers: { 'x-forwarded-for': address } }
      const socket = new WebSocket(`${hub.base.replace('http', 'ws')}/mqtt`, options as unknown as string[])
      const closed = new Promise((resolve) => socket.addEventListener('close', resolve))
      return { socket, closed }
    }
    const first = open('203.0.113.1')
    await until(() => first.socket.readyState === WebSocket.OPEN, 'the first')
    const second = open('203.0.113.1')
    await second.closed
    const third = open('203.0.113.2')
    await until(() => third.socket.readyState === WebSocket.OPEN, 'the third')
    expect(first.socket.readyState).toBe(WebSocket.OPEN)
    for (const { socket } of [first, third]) socket.close()
  })
})
