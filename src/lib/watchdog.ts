/** Ends, by its signal, what takes too long as a whole or brings nothing for too long; both in ms. */
export function createWatchdog({ longest, silence }: { longest: number; silence: number }) {
  const bark = new AbortController()
  const timer = setTimeout(() => bark.abort(new Error(`nothing came for ${silence} ms`)), silence)
  return {
    signal: AbortSignal.any([bark.signal, AbortSignal.timeout(longest)]),
    /** Passes on what comes, and takes note that it does. */
    async *over(chunks: AsyncIterable<Uint8Array> | null) {
      for await (const chunk of chunks ?? []) {
        timer.refresh()
        yield chunk
      }
    },
    /** Ends what is still under way. */
    stop() {
      clearTimeout(timer)
      bark.abort()
    }
  }
}
