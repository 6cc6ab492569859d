/** Random numbers from 0 to 1, the same for the same seed (mulberry32). */
export type Random = () => number

/** A source of random numbers; each `stream` of a seed is one of its own. */
export function createRandom(seed: number, stream = 0): Random {
  let state = Math.imul(seed, 0x9e3779b1) ^ Math.imul(stream + 1, 0x85ebca6b)
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Random bytes. */
export function randomBytes(length: number, random: Random) {
  const bytes = new Uint8Array(length)
  for (let i = 0; i < length; i += 1) bytes[i] = random() * 256
  return bytes
}

/** A random number between two. */
export const between = (from: number, to: number, random: Random) => from + random() * (to - from)
