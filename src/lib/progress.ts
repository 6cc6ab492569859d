const width = 24
const lineEvery = 5000

export type Progress = ReturnType<typeof createProgress>

/** How far something is, in blocks and in per cent. */
export function bar(share: number) {
  const shown = Math.min(1, share)
  return `${'█'.repeat(Math.round(shown * width)).padEnd(width, '░')} ${String(Math.floor(shown * 100)).padStart(3)} %`
}

/** A bar that is drawn over itself on a terminal, and a line every few seconds elsewhere. */
export function createProgress(stream: NodeJS.WriteStream = process.stderr) {
  let lineAt = performance.now() + lineEvery
  const clear = () => void (stream.isTTY && stream.write('\r\x1b[K'))
  return {
    /** Shows how far something is. */
    show(what: string, { done, of, note = '' }: { done: number; of: number; note?: string }) {
      const line = `${what.padEnd(12)} ${bar(of > 0 ? done / of : 1)}  ${note}`
      if (stream.isTTY) return void stream.write(`\r${line.slice(0, (stream.columns ?? 120) - 1)}\x1b[K`)
      if (performance.now() < lineAt) return
      lineAt = performance.now() + lineEvery
      stream.write(`${line}\n`)
    },
    /** Takes the bar away, and begins anew. */
    clear() {
      clear()
      lineAt = performance.now() + lineEvery
    },
    /** Writes a line that stays. */
    say(line: string) {
      clear()
      stream.write(`${line}\n`)
    }
  }
}
