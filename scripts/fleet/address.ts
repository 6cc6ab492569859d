/** Where something listens. */
export type Address = { host: string; port: number }

type Connect<Data> = Bun.TCPSocketConnectOptions<Data> & { localAddress?: string }

/**
 * How a device connects: on a hub of the same machine from an address of its own in 127.0.0.0/8 where the system has all of
 * them, so that the fleet looks like one to limits by address, and ports last.
 */
export function connectFrom<Data>(index: number, { host, port }: Address, options: Pick<Connect<Data>, 'socket' | 'data'>) {
  const connect: Connect<Data> = { hostname: host, port, ...options }
  if (process.platform === 'linux' && host.startsWith('127.')) connect.localAddress = addressOf(index)
  return connect
}

const addressOf = (index: number) => `127.${1 + ((index >> 16) & 127)}.${(index >> 8) & 255}.${index & 255}`
