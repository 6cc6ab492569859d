import { plainName } from '../../lib/text.ts'

const longest = 64
const roomForNumber = 5

/** Slugs made from the name of an application, the plainest first: `my-app`, `my-app-2`, … */
export function* slugsFrom(name: string) {
  const base = plainName(name.toLowerCase(), longest - roomForNumber) || 'app'
  yield base
  for (let n = 2; n < 10_000; n++) yield `${base}-${n}`
}
