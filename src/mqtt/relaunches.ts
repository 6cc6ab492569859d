import type { Client } from 'aedes'
import type { Notice } from '../features/notices/kinds.ts'
import type { Hub } from '../hub.ts'
import type { Connections } from './connections.ts'
import { createFreshness } from './freshness.ts'
import type { Outbox } from './outbox.ts'
import { principalOf } from './principals.ts'
import type { Sessions } from './sessions.ts'
import { topics } from './topics.ts'
import type { Work } from './work.ts'

type Needs = { hub: Hub; connections: Connections; outbox: Outbox; sessions: Sessions; work: Work }
type Target = { id: string; teamId: string; team: string; name: string }

/** Relaunches: kept in the database until the device has acknowledged one, or a heartbeat has been told of it. */
export function createRelaunches({ hub, connections, outbox, sessions, work }: Needs) {
  const freshness = createFreshness()
  // What each device has acknowledged and is being noted: the database still has it as pending.
  const acknowledged = new Map<string, number>()

  const messageOf = ({ team, name }: Target, seq: number, at?: Date) => ({
    topic: topics.deviceRelaunch.of({ team, name }),
    payload: Buffer.from(JSON.stringify({ seq })),
    qos: 1 as const,
    retain: false,
    replaceable: true,
    notice: at && { on: 'relaunch', at }
  })

  function isUnderWay(client: Client, { topic, payload }: ReturnType<typeof messageOf>) {
    return [...sessions.underWay(client.id).values()].some(
      (message) => message.topic === topic && message.payload.equals(payload)
    )
  }

  function tellDevice(client: Client, device: Target, { seq, at }: { seq: number; at: Date | undefined }) {
    const message = messageOf(device, seq, at)
    if ((acknowledged.get(device.id) ?? 0) >= seq || isUnderWay(client, message)) return
    outbox.deliver(client, {
      ...message,
      acknowledged: () => work.run('noting a relaunch as told', arrived(device, seq)),
      once: {
        claim: () => claim(device, seq),
        giveBack: () => work.run('keeping a relaunch that was not told', hub.devices.relaunchNotTold(device, seq))
      }
    })
  }

  /** At QoS 0 it cannot be known whether a message arrives: whoever is to send it notes it as told before that. */
  async function claim(device: Target, seq: number) {
    const claiming = arrived(device, seq)
    work.run('noting a relaunch as told', claiming)
    return claiming.catch(() => false)
  }

  async function arrived(device: Target, seq: number) {
    acknowledged.set(device.id, seq)
    try {
      return await hub.devices.relaunchTold(device, seq)
    } finally {
      freshness.changed()
      if (acknowledged.get(device.id) === seq) acknowledged.delete(device.id)
      // One that was asked for while this was noted was not seen as pending.
      work.run('telling of the next relaunch', tellPending(connections.ofDevice(device.id), device))
    }
  }

  /** Tells these connections of a device what is pending now: a heartbeat may have been told of it already. */
  const tellPending = (clients: Iterable<Client>, device: Target, at?: Date) =>
    freshness.use(
      () => hub.devices.pendingRelaunch(device.id),
      (seq) => {
        if (seq !== undefined) for (const client of clients) tellDevice(client, device, { seq, at })
      }
    )

  /** A device has been told, over whichever way: none of its sessions is told of it again. */
  function forget({ device_id: id, device: name, team, seq }: { device_id: string; device: string; team: string; seq: number }) {
    const topic = topics.deviceRelaunch.of({ team, name })
    sessions.forget(
      { kind: 'device', id },
      (message) => message.topic === topic && JSON.parse(message.payload.toString()).seq <= seq
    )
  }

  return {
    /** Tells a device that has just subscribed of the relaunch that waits for it. */
    async greet(client: Client) {
      const principal = principalOf(client)
      if (principal?.kind === 'device') await tellPending([client], principal.device)
    },

    /** Notes at once that a pending relaunch has been told. */
    note(notice: Notice) {
      if (notice.type !== 'device.relaunch_told') return
      freshness.changed()
      forget(notice.data)
    },

    /** Tells of a new relaunch to the device, and to the members of its team who have subscribed. */
    async tell(notice: Notice) {
      if (notice.type !== 'device.relaunch') return
      const { device_id: id, device: name, team, seq } = notice.data
      const device = { id, name, team, teamId: notice.teamId ?? '' }
      for (const client of connections.ofMembers(device.teamId)) outbox.deliver(client, messageOf(device, seq, notice.at))
      const clients = connections.ofDevice(id)
      if (clients.size > 0) await tellPending(clients, device, notice.at)
    }
  }
}
