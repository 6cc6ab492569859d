/** How long an answer from outside may take until it has been read, in ms, and how many bytes it may have. */
export type Bounds = { within: number; most: number }

/** Asks a server outside for JSON, following no redirects. Throws where it does not answer, not in time, with too much, or with no JSON. */
export async function fetchJson(url: string, init: RequestInit, { within, most }: Bounds) {
  const response = await fetch(url, { ...init, redirect: 'error', signal: AbortSignal.timeout(within) })
  const body: unknown = JSON.parse(await readAtMost(response, most))
  return { status: response.status, body }
}

async function readAtMost(response: Response, most: number) {
  const decoder = new TextDecoder()
  let size = 0
  let text = ''
  for await (const chunk of response.body ?? []) {
    size += chunk.byteLength
    if (size > most) throw new Error(`The answer has more than ${most} bytes`)
    text += decoder.decode(chunk, { stream: true })
  }
  return text + decoder.decode()
}
