const width = 24
const lineEvery = 5000

export type Progress = ReturnType<typeof createProgress>

/** A bar that is drawn over itself on a terminal, and a line every few seconds elsewhere. */
export function createProgress(stream: NodeJS.WriteStream = process.stderr) {
  let lineAt = 0
  const clear = () => void (stream.isTTY && stream.write('\r\x1b[K'))
  return {
    /** Shows how far something is. */
    show(what: string, { done, of, note = '' }: { done: number; of: number; note?: string }) {
      const share = Math.min(1, done / of)
      const bar = '█'.repeat(Math.round(share * width)).padEnd(width, '░')
      const line = `${what.padEnd(12)} ${bar} ${String(Math.floor(share * 100)).padStart(3)} %  ${note}`
      if (stream.isTTY) return void stream.write(`\r${line.slice(0, (stream.columns ?? 120) - 1)}\x1b[K`)
      if (performance.now() < lineAt) return
      lineAt = performance.now() + lineEvery
      stream.write(`${line}\n`)
    },
    /** Takes the bar away, and begins anew. */
    clear() {
      clear()
      lineAt = 0
    },
    /** Writes a line that stays. */
    say(line: string) {
      clear()
      stream.write(`${line}\n`)
    }
  }
}
