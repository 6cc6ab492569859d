import { BlockList, isIP } from 'node:net'

const overIpv4 = '::ffff:'

/** Whose an address is, for limits: the address itself, or of IPv6 the first half, as whoever holds one holds all of its /64. */
export function networkOf(address: string) {
  if (address.startsWith(overIpv4)) return address.slice(overIpv4.length)
  return address.includes(':') ? firstHalf(address) : address
}

function firstHalf(address: string) {
  const [head = '', tail] = address.split('::')
  const given = head === '' ? [] : head.split(':')
  const behind = tail ? tail.split(':').length : 0
  const zeros = tail === undefined ? 0 : 8 - given.length - behind
  const groups = [...given, ...Array.from({ length: zeros }, () => '0'), ...(tail ? tail.split(':') : [])]
  return groups.slice(0, 4).join(':')
}

/** An address without what a socket or a proxy may put around it: the port, brackets, the form of IPv6 for one of IPv4. Undefined for what is none. */
export function plainAddress(text: string) {
  const [, inBrackets, withPort] = text.trim().match(/^\[([^\]]+)\](?::\d+)?$|^([\d.]+):\d+$/) ?? []
  const address = inBrackets ?? withPort ?? text.trim()
  const plain = address.startsWith(overIpv4) && address.includes('.') ? address.slice(overIpv4.length) : address
  return isIP(plain) ? plain : undefined
}

export type Networks = ReturnType<typeof createNetworks>

/** Networks by addresses and `address/bits`. Throws for what is neither. */
export function createNetworks(listed: string[]) {
  const networks = new BlockList()
  for (const text of listed) {
    const [base = '', bits] = text.split('/')
    const family = isIP(base)
    const most = family === 4 ? 32 : 128
    const prefix = bits === undefined ? most : Number(bits)
    if (family === 0 || !/^\d{1,3}$/.test(bits ?? '0') || prefix > most) throw new Error(`${text} is no address and no network`)
    networks.addSubnet(base, prefix, family === 4 ? 'ipv4' : 'ipv6')
  }
  return {
    /** Whether an address is in one of them. */
    has(address: string) {
      const plain = plainAddress(address)
      return plain !== undefined && networks.check(plain, isIP(plain) === 4 ? 'ipv4' : 'ipv6')
    },
    isEmpty: listed.length === 0
  }
}
