const quietFor = 15_000

type Source = {
  /** Text (or bytes) that has come since the last read, '' for none yet; undefined ends the stream. */
  read(): Promise<string | Uint8Array | undefined>
  /** Calls `wake` whenever there may be more to read. Gives the way to stop. */
  onNews(wake: () => void): () => void
  /** Ends the stream when it is aborted. */
  stopping: AbortSignal
  type: string
  /** What is sent first when there is nothing to say yet (Bun sends no headers before it), and after each 15 s of silence; '' for nothing. */
  beat: string
}

/**
 * A response without an end. It is read from the database whenever the reader has room, never queued: a slow reader
 * costs nothing but its own delay.
 */
export function streamText({ read, onNews, stopping, type, beat }: Source) {
  const encoder = new TextEncoder()
  let wake = () => {}
  let woken = true
  let ended = false
  let begun = false
  const stopNews = onNews(signal)
  stopping.addEventListener('abort', end)

  function signal() {
    woken = true
    wake()
  }

  function end() {
    ended = true
    stopNews()
    stopping.removeEventListener('abort', end)
    wake()
  }

  /** Waits for news; false when none came for 15 s. */
  async function news() {
    if (woken || ended) return true
    const { promise, resolve } = Promise.withResolvers<boolean>()
    const timer = setTimeout(() => resolve(false), quietFor)
    wake = () => resolve(true)
    const came = await promise
    clearTimeout(timer)
    return came
  }

  async function next(): Promise<string | Uint8Array | undefined> {
    for (;;) {
      const came = await news()
      woken = false
      const text = ended ? undefined : await read()
      if (text === undefined) return undefined
      if (text.length > 0) {
        woken = true // there may be another page
        return text
      }
      if (!came || !begun) return beat
    }
  }

  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const text = await next()
      begun = true
      if (text !== undefined) return controller.enqueue(typeof text === 'string' ? encoder.encode(text) : text)
      end()
      controller.close()
    },
    cancel: end
  })
  return new Response(body, { headers: { 'content-type': type, 'cache-control': 'no-store', 'x-accel-buffering': 'no' } })
}
