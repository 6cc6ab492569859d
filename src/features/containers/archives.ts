import type { Readable } from 'node:stream'
import { type Header, type Pack, pack } from 'tar-stream'

/** A tar archive that is made while it is read: `fill` puts the entries in. */
export async function* packed(fill: (archive: Pack) => Promise<void>): AsyncGenerator<Uint8Array> {
  const archive = pack()
  archive.on('error', () => {}) // told by `filled`
  const filled = fill(archive).then(
    () => archive.finalize(),
    (error: Error) => {
      archive.destroy(error)
      throw error
    }
  )
  filled.catch(() => {})
  try {
    yield* archive as unknown as AsyncIterable<Uint8Array> // its types do not say so
  } catch (error) {
    await filled
    throw error
  } finally {
    archive.destroy()
  }
  await filled
}

/** Puts a folder that anybody may write to into an archive. */
export const putFolder = (archive: Pack, name: string) => void archive.entry({ name: `${name}/`, type: 'directory', mode: 0o777 })

/** Puts a file into an archive, as it is read. Throws what goes wrong with reading it. */
export async function putFile(archive: Pack, header: Partial<Header> & Pick<Header, 'name'>, source: Readable) {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const sink = archive.entry(header, (error) => (error ? reject(error) : resolve()))
  sink.on('error', reject)
  source.on('error', reject)
  source.pipe(sink)
  await promise
}
