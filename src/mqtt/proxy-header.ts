import { isIP } from 'node:net'

const longestText = 107
const longestBinary = 2048
const binaryHead = 16

const text = Buffer.from('PROXY ')
const binary = Buffer.from([0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a])

/** For whom a proxy has made a connection; without an address it is for itself. `size`: of the header, in bytes. */
export type ProxyHeader = { size: number; address: string | undefined }

/**
 * Reads the header of the PROXY protocol, version 1 or 2, with which a connection begins: undefined while it is not all there.
 * Throws for anything else, as soon as that can be told.
 */
export function readProxyHeader(bytes: Buffer): ProxyHeader | undefined {
  if (beginsLike(bytes, text)) return readText(bytes)
  if (beginsLike(bytes, binary)) return readBinary(bytes)
  throw malformed()
}

const malformed = () => new Error('this is no header of the PROXY protocol')

function beginsLike(bytes: Buffer, start: Buffer) {
  const length = Math.min(bytes.length, start.length)
  return bytes.subarray(0, length).equals(start.subarray(0, length))
}

function readText(bytes: Buffer) {
  const end = bytes.subarray(0, longestText).indexOf('\r\n')
  if (end < 0 && bytes.length >= longestText) throw malformed()
  if (end < 0) return undefined
  const line = bytes.toString('latin1', 0, end)
  const size = end + 2
  if (/^PROXY UNKNOWN( |$)/.test(line)) return { size, address: undefined }
  const [, family, from = '', to = ''] = /^PROXY TCP([46]) (\S+) (\S+) \d{1,5} \d{1,5}$/.exec(line) ?? []
  if (family === undefined || isIP(from) !== Number(family) || isIP(to) !== Number(family)) throw malformed()
  return { size, address: from }
}

const commands = { local: 0x20, proxy: 0x21 }

function readBinary(bytes: Buffer) {
  if (bytes.length < binaryHead) return undefined
  const [command, family] = [bytes[12], bytes[13]]
  const size = binaryHead + bytes.readUInt16BE(14)
  if (size > longestBinary || (command !== commands.local && command !== commands.proxy)) throw malformed()
  if (bytes.length < size) return undefined
  return { size, address: command === commands.local ? undefined : sourceIn(bytes.subarray(binaryHead, size), family) }
}

/** The address that a connection comes from, by the family of addresses; of others than IPv4 and IPv6 there is none. */
function sourceIn(addresses: Buffer, family: number | undefined) {
  if (family === 0x11) return ipv4(part(addresses, 4, 12))
  if (family === 0x21) return ipv6(part(addresses, 16, 36))
  return undefined
}

function part(addresses: Buffer, length: number, all: number) {
  if (addresses.length < all) throw malformed()
  return addresses.subarray(0, length)
}

const ipv4 = (bytes: Buffer) => [...bytes].join('.')

const ipv6 = (bytes: Buffer) => Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(2 * i).toString(16)).join(':')
