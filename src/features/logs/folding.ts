import type { Change } from '../../db/index.ts'
import type { LogDevices } from './devices.ts'
import type { Entries, NewEntry } from './entries.ts'
import { linesOf, type Report, unpacked } from './packing.ts'
import type { Sightings } from './sightings.ts'

/** The type of an entry that is a line of a device. */
export const deviceType = 'device'

const garbageAtMost = 1024 * 1024

export type Folding = ReturnType<typeof createFolding>

/** Puts what devices have reported into its place: their lines into the log, and when they were last heard of. */
export function createFolding({ entries, devices, sightings }: { entries: Entries; devices: LogDevices; sightings: Sightings }) {
  let garbage = 0

  /** Texts and what is made of them are garbage at once, and left to itself the collector lets tens of megabytes of it stand. */
  function collect(texts: string[]) {
    for (const { length } of texts) garbage += length
    if (garbage < garbageAtMost) return
    garbage = 0
    Bun.gc(false)
  }

  return {
    /** Inside a change, which holds the order: gives the reports in these texts their place; gives the numbers of devices that they name by their ids. */
    async fold(change: Change, texts: string[]) {
      const reports = texts.flatMap(unpacked)
      const numbers = await devices.numbersOf(change, reports.map(deviceOf))
      const times = new Map(reports.map((report) => [numberOf(report, numbers), report[2]]))
      await sightings.note(change, times)
      await entries.write(
        change,
        reports.flatMap((report) => entriesOf(report, numberOf(report, numbers)))
      )
      collect(texts)
      return numbers
    }
  }
}

const deviceOf = ([device]: Report) => device

const numberOf = ([device]: Report, numbers: Map<string, number>) =>
  typeof device === 'number' ? device : (numbers.get(device) ?? 0)

const entriesOf = (report: Report, device: number): NewEntry[] => {
  const at = new Date(report[2])
  return linesOf(report).map((payload) => ({ applicationId: report[1], device, type: deviceType, payload, at }))
}
