import type { Deployment } from '../../features/deployments/service.ts'
import { bytesAnswer, type Described, describeBytes, type Wanted, wantedOf as wantedOfBytes } from '../bytes.ts'

const knownAtMost = 1000

type Image = Pick<Deployment, 'sha256' | 'md5' | 'size'>

/** What a request for an image comes to: also nothing where the device runs it, by the MD5 that ESPhttpUpdate sends of its sketch. */
export function wantedOf(headers: Headers, image: Image): Wanted {
  if (headers.get('x-esp8266-sketch-md5')?.toLowerCase() === image.md5) return { status: 304 }
  return wantedOfBytes(headers, describedOf(image))
}

/** The answer with the bytes that are wanted, or with none. */
export const imageAnswer = (image: Image, wanted: Wanted, body: BodyInit | null) => bytesAnswer(describedOf(image), wanted, body)

const known = new Map<string, Described>()

/** What is said of an image, made once for each of the images that are asked for at present. */
function describedOf(image: Image) {
  const there = known.get(image.sha256)
  if (there) return there
  if (known.size === knownAtMost) known.clear()
  const made = describeBytes(image, { 'x-md5': image.md5, 'cache-control': 'private, no-cache' })
  known.set(image.sha256, made)
  return made
}
