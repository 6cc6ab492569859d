import type { Connection } from 'aedes'
import { networkOf } from '../../lib/networks.ts'
import type { Reason } from './refusals.ts'

type Limits = { connections: number; connectionsPerAddress: number | undefined; unfinishedSignIns: number }

const perAddressByDefault = 1000

/** Who may be connected at all: so many in all and from one address, and so many who have not said who they are. */
export function createAdmission(limits: Limits, refused: (reason: Reason) => void) {
  const streams = new Set<Connection>()
  const unfinished = new Set<Connection>()
  const byAddress = new Map<string, number>()

  function reasonAgainst(address: string): Reason | undefined {
    if (streams.size >= limits.connections) return 'connections'
    const isOver = (byAddress.get(address) ?? 0) >= atMostFrom(address, limits)
    return isOver ? 'connections_of_address' : undefined
  }

  function leave(stream: Connection, address: string) {
    streams.delete(stream)
    unfinished.delete(stream)
    const left = (byAddress.get(address) ?? 1) - 1
    if (left > 0) byAddress.set(address, left)
    else byAddress.delete(address)
  }

  function enter(stream: Connection, address: string) {
    streams.add(stream)
    unfinished.add(stream)
    byAddress.set(address, (byAddress.get(address) ?? 0) + 1)
    stream.once('close', () => leave(stream, address))
  }

  /** Whoever has taken longest to sign in makes room: clients in earnest are done in a moment. */
  function makeRoom() {
    if (unfinished.size <= limits.unfinishedSignIns) return
    const [oldest] = unfinished
    if (!oldest) return
    refused('unfinished_sign_ins')
    unfinished.delete(oldest)
    oldest.destroy()
  }

  return {
    /** Takes a connection in, once; where there are too many it is ended. Gives whether it may stay. */
    admit(stream: Connection) {
      if (streams.has(stream)) return true
      const address = networkOf(addressOf(stream))
      const reason = reasonAgainst(address)
      if (reason) {
        refused(reason)
        stream.once('error', () => {})
        stream.destroy()
        return false
      }
      enter(stream, address)
      makeRoom()
      return true
    },

    /** A connection has signed in. */
    signedIn: (stream: Connection) => void unfinished.delete(stream),

    /** Whether a connection has signed in. */
    isSignedIn: (stream: Connection) => streams.has(stream) && !unfinished.has(stream),

    /** Everybody who is there. */
    streams: streams as ReadonlySet<Connection>
  }
}

/** What is set counts for every address; by default this machine itself, or a proxy on it, may use up all there is. */
function atMostFrom(address: string, { connections, connectionsPerAddress }: Limits) {
  if (connectionsPerAddress !== undefined) return connectionsPerAddress
  return address.startsWith('127.') || address === '0:0:0:0' ? connections : perAddressByDefault
}

const addressOf = (stream: Connection) => ('remoteAddress' in stream && stream.remoteAddress) || 'unknown'
