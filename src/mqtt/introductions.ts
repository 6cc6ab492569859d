import { type ProxyHeader, readProxyHeader } from './proxy-header.ts'

const within = 10_000

/** What is told of a socket. */
export type Receiver = { receive(bytes: Buffer): void; drain(): void; end(): void; close(error?: Error): void }

type Outcome = {
  /** For whom the connection is, and what has come behind that. */
  introduced(header: ProxyHeader, rest: Buffer): void
  /** It was not said, or not in time: the connection is to be ended. */
  refused(): void
}

/** Waits for a proxy to say for whom it has made a connection. */
export function awaitIntroduction({ introduced, refused }: Outcome): Receiver {
  let bytes = Buffer.alloc(0)
  const timer = setTimeout(refused, within)
  const stop = () => clearTimeout(timer)

  function read(): ProxyHeader | undefined | 'refused' {
    try {
      return readProxyHeader(bytes)
    } catch {
      return 'refused'
    }
  }

  return {
    receive(chunk) {
      bytes = Buffer.concat([bytes, chunk])
      const header = read()
      if (header === undefined) return
      stop()
      if (header === 'refused') return refused()
      introduced(header, bytes.subarray(header.size))
    },
    drain() {},
    end() {
      stop()
      refused()
    },
    close: stop
  }
}
