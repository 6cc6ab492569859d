import { generate, type Packet } from 'mqtt-packet'

export type Random = ReturnType<typeof createRandom>

/** Random numbers that are the same at every run (mulberry32). */
export function createRandom(seed: number) {
  let state = seed >>> 0

  /** From 0 up to, not including, 1. */
  function next() {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }

  const below = (limit: number) => Math.floor(next() * limit)
  return {
    below,
    /** Whether something of this probability happens. */
    chance: (probability: number) => next() < probability,
    pick: <T>(choices: readonly T[]) => choices[below(choices.length)] as T,
    bytes: (length: number) => Uint8Array.from({ length }, () => below(256))
  }
}

type Mutation = (bytes: Buffer, random: Random) => Buffer

const interesting = [0, 1, 0x7f, 0x80, 0xc0, 0xff]

const mutations: Mutation[] = [
  // A bit the other way.
  (bytes, { below }) => with_(bytes, below(bytes.length), (byte) => byte ^ (1 << below(8))),
  // A byte that is often a limit.
  (bytes, { below, pick }) => with_(bytes, below(bytes.length), () => pick(interesting)),
  // Another type or other flags.
  (bytes, { below }) => with_(bytes, 0, () => below(256)),
  // Another length.
  (bytes, { below }) => with_(bytes, 1, () => below(256)),
  // Cut short.
  (bytes, { below }) => bytes.subarray(0, 1 + below(bytes.length)),
  // Something in between.
  (bytes, { below, bytes: some }) => {
    const at = below(bytes.length)
    return Buffer.concat([bytes.subarray(0, at), some(1 + below(8)), bytes.subarray(at)])
  },
  // A part twice.
  (bytes, { below }) => {
    const at = below(bytes.length)
    return Buffer.concat([bytes.subarray(0, at), bytes.subarray(below(at + 1))])
  }
]

function with_(bytes: Buffer, at: number, change: (byte: number) => number) {
  const changed = Buffer.from(bytes)
  if (at < changed.length) changed.writeUInt8(change(changed.readUInt8(at)) & 0xff, at)
  return changed
}

/** Bytes changed in one to four places. */
export function mutated(bytes: Buffer, random: Random) {
  let changed = bytes
  for (let times = 1 + random.below(4); times > 0 && changed.length > 0; times--)
    changed = random.pick(mutations)(changed, random)
  return changed
}

const texts = [
  '',
  'ready',
  'running',
  '{"status":"running","deployment_id":87}',
  '{',
  'null',
  'a\nb\nc',
  '\0',
  'ü€𝄞',
  'x'.repeat(300)
]

/** One of all the packets that there are, with contents that mostly make sense. */
function packetOf(topics: string[], { pick, below }: Random): Packet {
  const topic = pick(topics)
  const messageId = pick([1, 2, 3, 65_535, 1 + below(65_535)])
  const qos = pick([0, 0, 1, 1, 2] as const)
  const packets: (() => Packet)[] = [
    () => ({ cmd: 'publish', messageId, topic, payload: pick(texts), qos, retain: below(10) === 0, dup: below(10) === 0 }),
    () => ({ cmd: 'publish', messageId, topic, payload: pick(texts), qos: 1, retain: false, dup: false }),
    () => ({
      cmd: 'subscribe',
      messageId,
      subscriptions: [...topics.slice(below(topics.length)), topic].map((each) => ({ topic: each, qos }))
    }),
    () => ({ cmd: 'unsubscribe', messageId, unsubscriptions: [topic, pick(topics)] }),
    () => ({ cmd: 'puback', messageId }),
    () => ({ cmd: 'pubrec', messageId }),
    () => ({ cmd: 'pubrel', messageId }),
    () => ({ cmd: 'pubcomp', messageId }),
    () => ({ cmd: 'pingreq' }),
    () => ({ cmd: 'pingreq' }),
    () => ({ cmd: 'suback', messageId, granted: [0] }),
    () => ({ cmd: 'disconnect' })
  ]
  return packets[below(packets.length)]?.() ?? { cmd: 'pingreq' }
}

/** An MQTT packet: as it should be, or, at this probability, changed or without any sense. */
export function fuzzedPacket(topics: string[], wrong: number, random: Random): Uint8Array {
  if (random.chance(wrong / 10)) return random.bytes(1 + random.below(60))
  const bytes = generate(packetOf(topics, random))
  return random.chance(wrong) ? mutated(bytes, random) : bytes
}

const usual = ['GET', 'GET', 'PUT', 'POST', 'POST', 'DELETE']
const methods = [...usual, ...usual, ...usual, 'HEAD', 'OPTIONS', 'PATCH', 'TRACE', 'get', 'FOO', '']
const versions = [...Array.from({ length: 20 }, () => 'HTTP/1.1'), 'HTTP/1.0', 'HTTP/1.0', 'HTTP/2.0', 'HTTP/9', '']
const types = [
  'application/json',
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=x',
  'multipart/form-data',
  'text/plain',
  'image/png; charset=\0',
  ''
]
const bodies = [
  '',
  '{}',
  '{"name":"x"',
  '{"email":"a@b.c","password":{"$ne":1}}',
  '{"version":"1.0.0","architecture":"x86_64-unknown-linux-gnu","url":"https://example.org/x"}',
  '{"client_id":"f47ac10b-58cc-4372-a567-0e02b2c3d479","app_id":"\\u0000","current_running_version":"1.0.0-00","architecture":5}',
  '[1,2,3]',
  'null',
  '"text"',
  `{"a":${'['.repeat(2000)}`,
  '{"__proto__":{"admin":true},"device_name":"__proto__","board":"esp8266"}',
  '--x\r\ncontent-disposition: form-data; name="image"; filename="a"\r\n\r\nabc\r\n--x--\r\n',
  '--x\r\ncontent-disposition: form-data; name="board"\r\n\r\nesp8266\r\n',
  '5\r\nhello\r\n0\r\n\r\n',
  'fffffffff\r\n',
  'device_name=%ff%fe&board=%00',
  'a=1&a=2&a[b]=3',
  '\0\0\0'
]
const tails = [
  '',
  '',
  '',
  '/',
  '//',
  '?',
  '?after=-1',
  '?limit=1e9',
  '?after=9007199254740993',
  '%00',
  '%',
  '%ff',
  '/../..',
  '?a=%zz',
  ';x',
  '#',
  `?${'q'.repeat(3000)}`
]
const extras = [
  'range: bytes=0-1',
  'range: bytes=-1,5-2',
  'range: bytes=99999999999999999999-',
  'if-range: "x',
  'content-length: 5',
  'content-length: -1',
  'content-length: 1, 2',
  'transfer-encoding: chunked',
  'transfer-encoding: chunked, gzip',
  'expect: 100-continue',
  'authorization: Bearer x.y.z',
  'authorization: Basic \xff',
  'access_token: null',
  'accept: \0',
  'last-event-id: -9e99',
  'x-request-id: \xff\xfe',
  ': empty',
  'upgrade: websocket',
  'content-encoding: gzip',
  'host: [::',
  `cookie: ${'c'.repeat(5000)}`
]

/** An HTTP request by one of these targets and header lines, mostly malformed somewhere. */
export function fuzzedRequest(targets: string[], credentials: string[], random: Random): Uint8Array {
  const { pick, chance, below } = random
  const body = pick(bodies)
  const headers = ['host: hub', 'connection: close', `content-type: ${pick(types)}`]
  if (chance(0.7)) headers.push(`content-length: ${Buffer.byteLength(body)}`)
  if (chance(0.6)) headers.push(pick(credentials))
  for (let more = below(7) - 4; more > 0; more--) headers.push(pick(extras))
  const head = `${pick(methods)} ${pick(targets)}${pick(tails)} ${pick(versions)}\r\n${headers.join('\r\n')}\r\n\r\n`
  const request = Buffer.from(head + body, 'latin1')
  return chance(0.2) ? mutated(request, random) : request
}
