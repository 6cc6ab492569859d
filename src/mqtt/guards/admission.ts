import { networkOf } from '../../lib/networks.ts'
import type { Wire } from '../wire.ts'
import type { Reason } from './refusals.ts'

type Limits = { connections: number; connectionsPerAddress: number | undefined; unfinishedSignIns: number }

const perAddressByDefault = 1000

/** Who may be connected at all: so many in all and from one address, and so many who have not said who they are. */
export function createAdmission(limits: Limits, refused: (reason: Reason) => void) {
  const wires = new Set<Wire>()
  const unfinished = new Set<Wire>()
  const byAddress = new Map<string, number>()

  function reasonAgainst(address: string): Reason | undefined {
    if (wires.size >= limits.connections) return 'connections'
    const isOver = (byAddress.get(address) ?? 0) >= atMostFrom(address, limits)
    return isOver ? 'connections_of_address' : undefined
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
    /** Takes a connection in; where there are too many it is ended. Gives whether it may stay. */
    admit(wire: Wire) {
      const address = networkOf(wire.remoteAddress)
      const reason = reasonAgainst(address)
      if (reason) {
        refused(reason)
        wire.destroy()
        return false
      }
      wires.add(wire)
      unfinished.add(wire)
      byAddress.set(address, (byAddress.get(address) ?? 0) + 1)
      makeRoom()
      return true
    },

    /** A connection is gone. */
    left(wire: Wire) {
      if (!wires.delete(wire)) return
      unfinished.delete(wire)
      const address = networkOf(wire.remoteAddress)
      const others = (byAddress.get(address) ?? 1) - 1
      if (others > 0) byAddress.set(address, others)
      else byAddress.delete(address)
    },

    /** A connection has signed in. */
    signedIn: (wire: Wire) => void unfinished.delete(wire),

    /** Everybody who is there. */
    wires: wires as ReadonlySet<Wire>
  }
}

/** What is set counts for every address; by default this machine itself, or a proxy on it, may use up all there is. */
function atMostFrom(address: string, { connections, connectionsPerAddress }: Limits) {
  if (connectionsPerAddress !== undefined) return connectionsPerAddress
  return address.startsWith('127.') || address === '0:0:0:0' ? connections : perAddressByDefault
}
