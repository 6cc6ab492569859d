import { describe, expect, test } from 'bun:test'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { generate } from 'mqtt-packet'
import { bareClient } from '../support/bare.ts'
import { deploy, type TestHub, testDevice, testHub } from '../support/hub.ts'
import { figure, refusals } from '../support/metrics.ts'
import { asDevice, asUser, listed, logOf, mqttClient, noticed, packetClient, until, userClient, within } from '../support/mqtt.ts'
import { hasMosquitto } from '../support/needs.ts'
import { exchange, rawHttp, silentSocket, webSocket } from '../support/sockets.ts'
import { tlsHub } from '../support/tls.ts'

const log = 'ada/devices/lamp/log'

async function lampOf(hub: TestHub) {
  const ada = await hub.user('ada')
  const lamp = await testDevice(ada, 'lamp', { app: 'blinker' })
  return { ada, lamp }
}

/** Runs one of the mosquitto clients to its end; gives what it printed. */
async function mosquitto(program: 'sub' | 'pub', port: number, args: string[]) {
  const child = Bun.spawn([`mosquitto_${program}`, '-h', '127.0.0.1', '-p', String(port), ...args], { stderr: 'pipe' })
  const [output, errors, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited
  ])
  return { output: output.trim(), errors: errors.trim(), code }
}

const signedIn = ({ username, password }: { username: string; password: string }) => ['-u', username, '-P', password]

describe('TLS', () => {
  test('carries what TCP carries', async () => {
    await using hub = await tlsHub()
    const { ada, lamp } = await lampOf(hub)
    const ca = await Bun.file(hub.cert).text()
    await using user = await userClient(hub, ada)
    await user.subscribe(['ada/#'])
    await using device = await mqttClient(`mqtts://localhost:${hub.tlsPort}`, { ...asDevice(ada, lamp), ca })
    expect(await listed(ada, 'lamp')).toMatchObject({ connected: true })
    await device.publish(log, 'over TLS')
    expect(await user.next()).toMatchObject({ payload: 'over TLS' })
    await device.subscribe(['ada/devices/lamp/relaunch'])
    await ada.call('PUT /ada/devices/lamp/relaunch')
    expect(await device.next()).toMatchObject({ payload: '{"seq":1}' })
    await ada.call('DELETE /ada/devices/lamp')
    await within(device.closed, 'the end of the deleted device')
  })

  test('is all that its port speaks', async () => {
    await using hub = await tlsHub()
    const connect = generate({ cmd: 'connect', protocolId: 'MQTT', protocolVersion: 4, clean: true, clientId: 'plain' })
    const answer = await exchange(hub.tlsPort, connect)
    expect(answer.at(0)).not.toBe(0x20) // no CONNACK
    await using _device = await packetClient(hub, asUser(await hub.user('ada')))
  })

  test('has so long for its handshake and the CONNECT, and no longer', async () => {
    await using hub = await tlsHub({ signInWithin: 300 })
    await using silent = await bareClient(hub.tlsPort)
    await using half = await bareClient(hub.tlsPort)
    half.sendBytes([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]) // the beginning of a ClientHello
    const secured = connectTls({ host: '127.0.0.1', port: hub.tlsPort, rejectUnauthorized: false })
    const securedEnd = new Promise((resolve) =>
      secured
        .on('error', () => {})
        .resume()
        .once('close', resolve)
    )
    expect(await figure(hub, 'updraft_mqtt_connections')).toBeGreaterThan(0)
    await within(Promise.all([silent.closed, half.closed, securedEnd]), 'their end')
    expect(await refusals(hub, 'sign_in_timeout')).toBe(3)
    await until(async () => (await figure(hub, 'updraft_mqtt_connections')) === 0, 'all to be counted out')
  })
})

describe.skipIf(!existsSync('/proc/net/tcp'))('TCP', () => {
  /** The timer that runs for a connection of the hub's, and in how many seconds it ends: proc(5). 2 is that of the keep-alive. */
  async function timerOf(hubPort: number, clientPort: number | undefined) {
    const hex = (port = 0) => port.toString(16).toUpperCase().padStart(4, '0')
    const ends = new RegExp(`:${hex(hubPort)} \\S+:${hex(clientPort)} 01 \\S+ (\\d\\d):([0-9A-F]+)`)
    const [, timer, ticks = '0'] = (await readFile('/proc/net/tcp', 'utf8')).match(ends) ?? []
    return { timer: Number(timer), seconds: Math.ceil(Number.parseInt(ticks, 16) / 100) }
  }

  /** The same, once nothing is to be sent again. */
  async function quietTimerOf(hubPort: number, clientPort: number | undefined) {
    await until(async () => (await timerOf(hubPort, clientPort)).timer !== 1, 'the connection to be quiet')
    return timerOf(hubPort, clientPort)
  }

  test('finds out who has gone without a word, where MQTT need not hear one for long', async () => {
    await using hub = await tlsHub()
    const { ada, lamp } = await lampOf(hub)
    const ca = await Bun.file(hub.cert).text()
    for (const [keepalive, expected] of [
      [0, { timer: 2, seconds: 60 }],
      [60, { timer: 0, seconds: 0 }]
    ] as const) {
      await using plain = await packetClient(hub, { ...asDevice(ada, lamp), keepalive })
      expect(await quietTimerOf(hub.ports.mqtt, plain.socket.localPort)).toEqual(expected)
      const options = { ...asDevice(ada, lamp), clientId: `esp-${keepalive}`, keepalive, ca }
      await using secure = await mqttClient(`mqtts://localhost:${hub.tlsPort}`, options)
      const { localPort } = secure.client.stream as TLSSocket
      expect(await quietTimerOf(hub.tlsPort, localPort)).toEqual(expected)
    }
  })
})

describe('WebSocket', () => {
  const urlOf = (hub: TestHub) => `ws://127.0.0.1:${hub.ports.http}/mqtt`
  const connectPacket = (options: object) =>
    generate({
      cmd: 'connect',
      protocolId: 'MQTT',
      protocolVersion: 4,
      clean: true,
      clientId: 'web',
      keepalive: 60,
      ...options
    })
  const withBytes = ({ username, password }: { username: string; password: string }) => ({
    username,
    password: Buffer.from(password)
  })
  const publish = (payload: string) => generate({ cmd: 'publish', topic: log, payload, qos: 0, retain: false, dup: false })

  test('carries MQTT at /mqtt, on the HTTP port', async () => {
    await using hub = await testHub()
    const { ada, lamp } = await lampOf(hub)
    await using user = await mqttClient(urlOf(hub), asUser(ada))
    expect(await user.subscribe(['ada/#', 'root/#'])).toEqual([1, 128])
    await using device = await mqttClient(`${urlOf(hub)}?client=web`, asDevice(ada, lamp))
    const long = 'x'.repeat(60_000)
    await device.publish(log, long)
    expect(await user.next()).toMatchObject({ topic: log, payload: long, qos: 1 })
    expect(await listed(ada, 'lamp')).toMatchObject({ connected: true })
    await device.client.endAsync()
    await until(async () => (await listed(ada, 'lamp'))?.connected === false, 'the device to be gone')
  })

  test('is refused without the subprotocol, and a plain request too [MQTT-6.0.0-3]', async () => {
    await using hub = await testHub()
    for (const protocols of [[], ['mqttv5'], ['chat', 'xmqtt']]) {
      await using other = await webSocket(urlOf(hub), protocols)
      expect(other.isOpen).toBe(false)
    }
    await using several = await webSocket(urlOf(hub), ['chat', 'mqtt'])
    expect(several.socket.protocol).toBe('mqtt') // [MQTT-6.0.0-4]
    const plain = await rawHttp(hub.ports.http, 'GET /mqtt HTTP/1.1\r\nHost: hub\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n')
    expect(plain.status).toBe(426)
    expect((await rawHttp(hub.ports.http, 'GET /mqtt2 HTTP/1.1\r\nHost: hub\r\n\r\n')).status).not.toBe(426)
  })

  test('ends with code 1003 on a text frame [MQTT-6.0.0-1]', async () => {
    await using hub = await testHub()
    await using text = await webSocket(urlOf(hub), ['mqtt'])
    text.socket.send('hello')
    expect(await within(text.closed, 'the close')).toEqual({ code: 1003 })
  })

  test('reads packets however they lie in frames [MQTT-6.0.0-2]', async () => {
    await using hub = await testHub()
    const { ada, lamp } = await lampOf(hub)
    await using socket = await webSocket(urlOf(hub), ['mqtt'])
    for (const byte of connectPacket(withBytes(asDevice(ada, lamp)))) socket.socket.send(new Uint8Array([byte]))
    expect(await within(socket.bytes(4), 'the CONNACK')).toEqual(Buffer.from([0x20, 2, 0, 0]))
    socket.socket.send(Buffer.concat([publish('one'), publish('two'), generate({ cmd: 'pingreq' })]))
    expect((await within(socket.bytes(6), 'the PINGRESP')).subarray(4)).toEqual(Buffer.from([0xd0, 0]))
    await until(async () => (await logOf(ada, 'lamp')).length === 2, 'the lines to be stored')
    expect(await logOf(ada, 'lamp')).toEqual(['one', 'two'])
  })

  test('that closes right behind its last packets loses none of them: a DISCONNECT takes back the will', async () => {
    await using hub = await testHub()
    const { ada, lamp } = await lampOf(hub)
    const options = { ...withBytes(asDevice(ada, lamp)), will: { topic: log, payload: 'will', qos: 0, retain: false } }
    await using user = await userClient(hub, ada)
    await user.subscribe([log])
    for (const last of [publish('last words'), generate({ cmd: 'disconnect' })]) {
      await using socket = await webSocket(urlOf(hub), ['mqtt'])
      socket.socket.send(Uint8Array.from(connectPacket(options)))
      await within(socket.bytes(4), 'the CONNACK')
      socket.socket.send(Uint8Array.from(last))
      socket.socket.close()
      await until(async () => (await listed(ada, 'lamp'))?.connected === false, 'the device to be gone')
    }
    await using device = await packetClient(hub, asDevice(ada, lamp))
    device.publish(1, log, 'later')
    await device.next()
    expect([await user.next(), await user.next(), await user.next()].map(({ payload }) => payload)).toEqual([
      'last words',
      'will',
      'later'
    ])
    expect(await logOf(ada, 'lamp')).toEqual(['last words', 'will', 'later'])
  })
})

describe('stopping', () => {
  test('ends connections that have not said who they are', async () => {
    await using hub = await testHub()
    await using silent = await silentSocket(hub.ports.mqtt)
    await using web = await webSocket(`ws://127.0.0.1:${hub.ports.http}/mqtt`, ['mqtt'])
    const closeDatabase = hub.hub.close
    hub.hub.close = async () => {
      await closeDatabase()
      hub.hub.close = async () => {}
    }
    await within(hub.stop(), 'the hub to stop', 2000)
    await within(Promise.all([silent.closed, web.closed]), 'the end of the connections')
  })
})

describe.skipIf(!hasMosquitto())('mosquitto', () => {
  const image = new TextEncoder().encode('image')

  test('over TCP: reads its retained deployment, and its log lines are stored', async () => {
    await using hub = await testHub()
    const { ada, lamp } = await lampOf(hub)
    const told = noticed(hub, 'deployment.created')
    await deploy(ada, 'blinker', image)
    await told
    const who = signedIn(asDevice(ada, lamp))
    const read = await mosquitto('sub', hub.ports.mqtt, [
      ...who,
      '-q',
      '1',
      '-t',
      'ada/devices/lamp/deployment',
      '-C',
      '1',
      '-W',
      '5',
      '-F',
      '%r %q %p'
    ])
    expect(read).toMatchObject({
      code: 0,
      output: expect.stringMatching(/^1 1 \{"id":\d+,"size":5,"md5":"[0-9a-f]{32}","sha256":"[0-9a-f]{64}"\}$/)
    })
    expect(await mosquitto('pub', hub.ports.mqtt, [...who, '-q', '1', '-t', log, '-m', 'from mosquitto'])).toMatchObject({
      code: 0
    })
    expect(await mosquitto('pub', hub.ports.mqtt, [...who, '-q', '0', '-t', log, '-m', 'and at QoS 0'])).toMatchObject({
      code: 0
    })
    await until(async () => (await logOf(ada, 'lamp')).length === 2, 'the second line')
    expect(await logOf(ada, 'lamp')).toEqual(['from mosquitto', 'and at QoS 0'])
  })

  test('over TLS: a member hears a device', async () => {
    await using hub = await tlsHub()
    const { ada, lamp } = await lampOf(hub)
    const told = noticed(hub, 'deployment.created')
    await deploy(ada, 'blinker', image)
    await told
    const tls = ['--cafile', hub.cert]
    const listening = mosquitto('sub', hub.tlsPort, [
      ...tls,
      ...signedIn(asUser(ada)),
      '-t',
      'ada/devices/#',
      '-C',
      '2',
      '-W',
      '5',
      '-F',
      '%r %t'
    ])
    await until(() => hub.broker.connected() === 1, 'mosquitto_sub to be there')
    await until(async () => {
      await mosquitto('pub', hub.tlsPort, [...tls, ...signedIn(asDevice(ada, lamp)), '-q', '1', '-t', log, '-m', 'over TLS'])
      return hub.broker.connected() === 0
    }, 'mosquitto_sub to have heard it')
    expect(await listening).toMatchObject({ code: 0, output: `1 ada/devices/lamp/deployment\n0 ${log}` })
  })

  test('is told by code 4 that its secret is wrong, and by 0x80 what it may not subscribe to', async () => {
    await using hub = await testHub()
    const { ada, lamp } = await lampOf(hub)
    const wrong = await mosquitto('pub', hub.ports.mqtt, ['-u', 'ada/lamp', '-P', '0'.repeat(40), '-t', log, '-m', 'x'])
    expect(wrong).toMatchObject({ code: 4, errors: expect.stringContaining('bad user name or password') })
    const foreign = await mosquitto('sub', hub.ports.mqtt, [...signedIn(asDevice(ada, lamp)), '-t', '#', '-W', '5'])
    expect(foreign.errors).toContain('All subscription requests were denied')
  })
})
