/** What the devices of a process count. `connected` goes up and down, the others only up. */
export type Counts = ReturnType<typeof noCounts>

/** Counts at zero. */
export const noCounts = () => ({
  connected: 0,
  connections: 0,
  dropped: 0,
  cutOff: 0,
  noticesLost: 0,
  rangesLost: 0,
  toldByMqtt: 0,
  toldByHeartbeat: 0,
  running: 0,
  heartbeats: 0,
  answered: 0,
  refused: 0,
  ranges: 0,
  bytes: 0,
  wrong: 0
})

/** When a device was told over MQTT, and since when it had been connected. */
export type Told = { at: number; connectedAt: number }

/** What a process of devices tells of itself: its counts so far, and what has happened since it last told. Times by `now`. */
export type News = {
  counts: Counts
  /** How often what went wrong. */
  reasons: Record<string, number>
  /** When a device was told of the deployment over MQTT, and since when it was connected. */
  told: Told[]
  /** When the hub had stored that a device runs it. */
  runs: number[]
  /** When a device was last ready. */
  readyAt: number
  /** By how many ms the process itself was late at most since it last told. */
  late: number
}

export type Tally = ReturnType<typeof createTally>

/** Milliseconds since the epoch with fractions, alike in all processes of a machine. */
export const now = () => performance.timeOrigin + performance.now()

/** Counts what happens to the devices of a process. */
export function createTally() {
  const counts = noCounts()
  const reasons: Record<string, number> = {}
  let [told, runs]: [Told[], number[]] = [[], []]
  let readyAt = 0

  return {
    counts,
    /** Notes that something went wrong. */
    wrong: (reason: string) => void (reasons[reason] = (reasons[reason] ?? 0) + 1),

    /** Notes that a device is connected and has subscribed; gives when. */
    ready() {
      counts.connected += 1
      counts.connections += 1
      readyAt = now()
      return readyAt
    },

    /** Notes that a device was told over MQTT. */
    told(connectedAt: number) {
      counts.toldByMqtt += 1
      told.push({ at: now(), connectedAt })
    },

    /** Notes that a device runs the deployment, and the hub knows. */
    runs() {
      counts.running += 1
      runs.push(now())
    },

    /** What there is to tell. */
    news(late: number): News {
      const news = { counts, reasons, told, runs, readyAt, late }
      told = []
      runs = []
      return news
    }
  }
}

/** Adds up the counts of several processes. */
export function sumOf<T extends Record<string, number>>(all: T[], none: T): T {
  const sum: Record<string, number> = { ...none }
  for (const counts of all) for (const [name, value] of Object.entries(counts)) sum[name] = (sum[name] ?? 0) + value
  return sum as T
}
