import { readFileSync } from 'node:fs'
import { availableParallelism, cpus, totalmem } from 'node:os'

const ticksPerSecond = 100 // USER_HZ: what Linux counts in, whatever the machine

/** A process with its children, such as nginx's workers. */
function family(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim()
  return [pid, ...(children === '' ? [] : children.split(' ').map(Number))]
}

/** The CPU time of a process and its children so far, user and system, in seconds. */
export function cpuSeconds(pid: number) {
  const ticks = family(pid).map((id) => {
    const stat = readFileSync(`/proc/${id}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return Number(fields[11]) + Number(fields[12]) // utime and stime, proc(5)
  })
  return ticks.reduce((sum, value) => sum + value, 0) / ticksPerSecond
}

/** The resident memory of a process and its children, in kB. */
export function residentKb(pid: number) {
  const sizes = family(pid).map((id) => Number(readFileSync(`/proc/${id}/status`, 'utf8').match(/VmRSS:\s+(\d+) kB/)?.[1]))
  return sizes.reduce((sum, value) => sum + value, 0)
}

/** Why a process may not have so many files open at once; undefined where it may. */
export function tooFewFiles(needed: number) {
  const most = readFileSync('/proc/self/limits', 'utf8').match(/Max open files +\S+ +(\S+)/)?.[1]
  if (most === 'unlimited' || Number(most) >= needed) return undefined
  return `needs ${needed} open files, the hard limit is ${most}; raise it: prlimit --pid $$ --nofile=${needed}:${needed}`
}

/** Why a program cannot be started; undefined where it is there. */
export function notInstalled(program: string, howToGetIt: string) {
  if (Bun.which(program, { PATH: `${process.env.PATH}:/usr/sbin:/usr/local/sbin` })) return undefined
  return `${program} is not on this machine; get it by: ${howToGetIt}`
}

/** What it was measured on, and when. */
export const machine = () => ({
  cores: availableParallelism(),
  memoryGib: Math.round(totalmem() / 2 ** 30),
  cpu: cpus()[0]?.model ?? 'unknown',
  bun: Bun.version,
  date: new Date().toISOString().slice(0, 10)
})

export type Machine = ReturnType<typeof machine>
