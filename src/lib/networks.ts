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
