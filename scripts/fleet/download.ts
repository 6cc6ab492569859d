import type { Address } from './address.ts'
import { createHttpLink, type HttpLink } from './http-link.ts'
import { createLane } from './lane.ts'
import { between, type Random } from './random.ts'
import type { Tally } from './tally.ts'

/** Who downloads which deployment. */
export type Wish = { index: number; secret: string; id: number; random: Random }

type Needs = { address: Address; range: number; loss: number; atOnce: number; tally: Tally }
type Progress = { offset: number; size: number; hasher: Bun.CryptoHasher }

export type Download = ReturnType<typeof createDownload>

/** Downloads images for the devices of a process, by ranges over a kept-alive connection each, so many at once; gives the SHA-256 in hex. */
export function createDownload({ address, range, loss, atOnce, tally }: Needs) {
  const lane = createLane(atOnce)

  /** Fetches ranges until the image is complete, or until one is lost. */
  async function fetchRanges(progress: Progress, { index, secret, id, random }: Wish) {
    const link = createHttpLink(address, index)
    const path = `/devices/${secret}/image?deployment_id=${id}`
    try {
      while (progress.offset < progress.size) {
        if (random() < loss) return await loseRange(link, path, progress.offset)
        take(progress, await link.ask({ method: 'GET', path, headers: rangeFrom(progress.offset) }))
        tally.counts.ranges += 1
      }
    } catch (error) {
      tally.wrong(error instanceof Error ? error.message : String(error))
    } finally {
      link.close()
    }
  }

  const rangeFrom = (offset: number) => ({ range: `bytes=${offset}-${offset + range - 1}` })

  /** Asks for a range and goes before the answer. */
  async function loseRange(link: HttpLink, path: string, offset: number) {
    tally.counts.rangesLost += 1
    const answer = link.ask({ method: 'GET', path, headers: rangeFrom(offset) })
    link.close()
    await answer.catch(() => {})
  }

  function take(progress: Progress, { status, head, body }: Awaited<ReturnType<HttpLink['ask']>>) {
    const [, from, to, size] = head.match(/\r\ncontent-range: *bytes (\d+)-(\d+)\/(\d+)\r/i)?.map(Number) ?? []
    if (status !== 206 || from !== progress.offset || to !== from + body.length - 1 || size === undefined)
      throw new Error(`image: answered ${status}, not the range asked for`)
    progress.hasher.update(body)
    progress.offset += body.length
    progress.size = size
    tally.counts.bytes += body.length
  }

  return async (wish: Wish) => {
    const progress: Progress = { offset: 0, size: Number.POSITIVE_INFINITY, hasher: new Bun.CryptoHasher('sha256') }
    for (let again = false; progress.offset < progress.size; again = true) {
      if (again) await Bun.sleep(between(200, 1000, wish.random))
      await lane.run(() => fetchRanges(progress, wish), { again })
    }
    return progress.hasher.digest('hex')
  }
}
