import { bar } from '../../../src/lib/progress.ts'

export type Progress = ReturnType<typeof createProgress>

/** Shows how far it is, of `total` steps: a line that is rewritten on a terminal, plain lines otherwise. */
export function createProgress(total: number, output: NodeJS.WriteStream = process.stderr) {
  const began = performance.now()
  let done = 0
  let last = ''

  function line(what: string) {
    const seconds = Math.round((performance.now() - began) / 1000)
    return `${bar(done / total)}  ${seconds} s  ${what}`
  }

  return {
    /** Says what is being done. */
    show(what: string) {
      if (what === last) return
      last = what
      output.write(output.isTTY ? `\r\u001b[K${line(what)}` : `${line(what)}\n`)
    },
    /** Counts steps, or parts of one, as done. */
    advance(steps: number) {
      done += steps
    },
    /** Takes the line away. */
    end: () => void (output.isTTY && output.write('\r\u001b[K'))
  }
}
