import { readFile } from 'node:fs/promises'

/** Raises how many files this process and those that it starts may have open; throws with what to do where it may not. */
export async function raiseOpenFiles(needed: number) {
  const before = await openFilesAtMost()
  if (before >= needed) return
  Bun.spawnSync(['prlimit', '--pid', String(process.pid), `--nofile=${needed}:${needed}`], {
    stdio: ['ignore', 'ignore', 'ignore']
  })
  if ((await openFilesAtMost()) >= needed) return
  throw new Error(
    `So many devices need ${needed} open files, and a process here may have ${before}. Raise the limit and try again: ` +
      `"ulimit -n ${needed}" in the shell as root, "nofile" in /etc/security/limits.conf, "--ulimit nofile=${needed}" of a ` +
      'container; or simulate fewer --devices.'
  )
}

/** Bun itself raises the soft limit to the hard one, which therefore is what counts. */
async function openFilesAtMost() {
  const limits = await readFile('/proc/self/limits', 'utf8').catch(() => '')
  const hard = limits.match(/^Max open files +\S+ +(\S+)/m)?.[1]
  return hard === undefined || hard === 'unlimited' ? Number.POSITIVE_INFINITY : Number(hard)
}
