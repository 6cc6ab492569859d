import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Subprocess } from 'bun'

const patience = 10_000
const open = new Set<{ abandon(): void }>()

export type Workplace = ReturnType<typeof createWorkplace>

type Options = { env?: Record<string, string>; output?: string; onMessage?: (message: unknown) => void }

/** A temporary folder and the processes at work in it; `await using` ends them, by their ids, and takes the folder away. */
export function createWorkplace() {
  const root = mkdtempSync(join(tmpdir(), 'updraft-bench-'))
  const children = new Set<Subprocess>()

  function abandon() {
    for (const child of children) child.kill('SIGKILL')
    rmSync(root, { recursive: true, force: true })
    open.delete(self)
  }

  async function stop(child: Subprocess) {
    child.kill('SIGTERM')
    const late = setTimeout(() => child.kill('SIGKILL'), patience)
    await child.exited
    clearTimeout(late)
  }

  const self = {
    /** A new folder in the temporary one. */
    folder: (name: string) => mkdtempSync(join(root, `${name}-`)),

    /** Starts a program with as many open files as this machine allows; its output goes to a file, or nowhere. */
    start(command: string[], { env = {}, output, onMessage }: Options = {}) {
      const out = output === undefined ? 'ignore' : Bun.file(output)
      const child = Bun.spawn(['sh', '-c', 'ulimit -n "$(ulimit -Hn)"; exec "$@"', 'sh', ...command], {
        env: { PATH: process.env.PATH ?? '', TMPDIR: root, ...env },
        stdin: 'ignore',
        stdout: out,
        stderr: out,
        ...(onMessage ? { ipc: onMessage } : {})
      })
      children.add(child)
      void child.exited.then(() => children.delete(child))
      return child
    },

    /** Ends a process in order, or by force where it does not end. */
    stop,

    /** Ends everything at once: for a signal, when there is no time. */
    abandon,

    async [Symbol.asyncDispose]() {
      await Promise.all([...children].map(stop))
      abandon()
    }
  }
  open.add(self)
  return self
}

/** Leaves nothing running and nothing behind when the program is interrupted. */
export function cleanUpOnSignals() {
  for (const [signal, exitCode] of [['SIGINT', 130] as const, ['SIGTERM', 143] as const]) {
    process.once(signal, () => {
      for (const workplace of open) workplace.abandon()
      process.exit(exitCode)
    })
  }
}
