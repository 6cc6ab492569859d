import type { AedesClient, Parser } from './aedes.ts'
import { Refusal } from './refusals.ts'

const inTurn = 16 * 1024
const piecesAtMost = 32
const wasteAtMost = 16 * 1024

/**
 * Reads a little, and on when all that was read is dealt with. Aedes itself goes on at every chunk that arrives: a client that sends
 * faster than is stored would have all of it taken into memory. This way it waits in the socket, and the client with it.
 */
export function readInTurn(client: AedesClient, unexpected: (error: unknown) => void) {
  const { conn, _parser: parser } = client
  let parsing = false

  /** What has arrived, up to a share that others need not wait long for. */
  function next(): Buffer | null {
    if (client._paused || client._parsingBatch > 0 || client.closed) return null
    return conn.read(Math.min(conn.readableLength, inTurn) || undefined)
  }

  function read() {
    if (parsing) return // a packet that is dealt with at once, in the middle of its chunk
    parsing = true
    try {
      for (let bytes = next(); bytes !== null; bytes = next()) parser.parse(bytes)
      if (!client.closed) compact(parser)
    } catch (error) {
      // It would end the process: whatever a client sends, only its own connection may end.
      unexpected(error)
      client.emit('error', new Refusal('unexpected', 'a packet could not be dealt with'))
    } finally {
      parsing = false
    }
  }

  conn.removeListener('readable', client._nextBatch)
  conn.on('readable', read)
  client._parsingBatch = 0
  client._nextBatch = (error) => {
    if (error) return void client.emit('error', error)
    client._parsingBatch = Math.max(0, client._parsingBatch - 1)
    read()
  }
  client.resume = () => {
    client._paused = false
    read()
  }
}

/** Copies the beginning of a packet that came in many pieces, or at the end of a large chunk: each would keep far more in memory. */
function compact({ _list: list }: Parser) {
  const [first] = list._bufs
  if (!first) return
  const isWaste = list._bufs.length === 1 && first.buffer.byteLength > list.length + wasteAtMost
  if (isWaste) list._bufs = [Buffer.from(first)]
  else if (list._bufs.length > piecesAtMost) list._bufs = [list.slice()]
}
