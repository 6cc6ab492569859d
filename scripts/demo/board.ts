import { digest, type Firmware } from './firmware.ts'
import { ensure, type Journal, readable } from './journal.ts'

/** What the hub told of a deployment; over HTTP no more than its id. `retained`: found on subscribing. */
export type Told = { id: number; size?: number; md5?: string; sha256?: string; retained?: boolean }

/** How a board reaches the hub. `how`: in what way the image came. */
export type Link = {
  download(id: number): Promise<{ bytes: Buffer; how: string }>
  /** Resolves once the hub has stored that the board runs a deployment. */
  reportRunning(id: number): Promise<unknown>
}

export type Board = ReturnType<typeof createBoard>

/** What every simulated board does, whichever way it speaks: it runs what it is told to, and believes no byte. */
export function createBoard({
  name,
  speaks,
  journal,
  sources
}: {
  name: string
  speaks: string
  journal: Journal
  sources: Firmware[]
}) {
  const told: Told[] = []
  let running: { id: number; version: number } | undefined
  let relaunches = 0
  const event = (what: string) => journal.event(`${name} (${speaks})`, what)

  /** The firmware that bytes are, by comparison with what was compiled and with what the hub told of them. */
  function recognize(bytes: Buffer, { id, size, md5, sha256 }: Told) {
    const about = `${name} got deployment ${id}, ${readable(bytes.length)} bytes, but`
    const actual = { sha256: digest('sha256', bytes), md5: digest('md5', bytes) }
    const firmware = sources.find((known) => known.sha256 === actual.sha256)
    ensure(firmware?.bytes.equals(bytes) === true, `${about} its SHA-256 ${actual.sha256} is that of no version`)
    ensure(size === undefined || size === bytes.length, `${about} was told of ${size}`)
    ensure(sha256 === undefined || sha256 === actual.sha256, `${about} was told of another SHA-256`)
    ensure(md5 === undefined || md5 === actual.md5, `${about} was told of another MD5`)
    journal.checked(bytes.length)
    return firmware
  }

  return {
    name,
    event,
    /** What the board was told of so far. */
    told: (): readonly Told[] => told,
    /** What the board runs, and the hub knows of it. */
    running: () => running,
    /** How often it was told to relaunch. */
    relaunches: () => relaunches,

    /** Downloads what the board was told of, checks it, runs it and reports that. */
    async install(notice: Told, link: Link) {
      told.push(notice)
      event(`told of deployment ${notice.id}${notice.retained ? ', as retained' : ''}`)
      const { bytes, how } = await link.download(notice.id)
      const { version } = recognize(bytes, notice)
      event(`has ${readable(bytes.length)} bytes ${how}: version ${version}, every byte`)
      await link.reportRunning(notice.id)
      running = { id: notice.id, version }
      event(`runs deployment ${notice.id}, and the hub has stored it`)
    },

    /** Starts the application anew. */
    relaunch(how: string) {
      relaunches += 1
      event(`told to relaunch, by ${how}`)
    }
  }
}
