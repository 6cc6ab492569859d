import { readFile } from 'node:fs/promises'

const every = 250

export type Vitals = Awaited<ReturnType<typeof watchVitals>>

/** Watches the resident memory of a process, in bytes; undefined where the system does not tell. */
export async function watchVitals(pid: number) {
  const before = await residentBytes(pid)
  let peak = before
  async function look() {
    const bytes = await residentBytes(pid)
    if (bytes !== undefined) peak = Math.max(peak ?? 0, bytes)
  }
  const timer = setInterval(() => void look(), every)
  return {
    before,
    /** Now. */
    resident: () => residentBytes(pid),
    /** The most that was seen. */
    peak: () => peak,
    stop: () => clearInterval(timer)
  }
}

async function residentBytes(pid: number) {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
  const kilobytes = status.match(/^VmRSS:\s+(\d+) kB/m)?.[1]
  return pid > 0 && kilobytes !== undefined ? Number(kilobytes) * 1024 : undefined
}

/** How many seconds a process has had a processor until now; undefined where the system does not tell. */
export async function processorSeconds(pid: number) {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return pid > 0 && fields.length > 12 ? (Number(fields[11]) + Number(fields[12])) / 100 : undefined
}
