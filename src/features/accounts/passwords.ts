import { tooMany } from '../../lib/errors.ts'
import { createTurns } from '../../lib/turns.ts'

const argon2id = { algorithm: 'argon2id', memoryCost: 19_456, timeCost: 2 } as const
const atOnce = 2
const waitingAtMost = 64

export type Passwords = ReturnType<typeof createPasswords>

/** Hashes and checks passwords (argon2id), two at a time: more would starve everything else of the processor. */
export function createPasswords() {
  const turns = createTurns(atOnce)
  let decoy: Promise<string> | undefined

  async function inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (turns.waiting() >= waitingAtMost) throw tooMany(5)
    return turns.take(work)
  }

  const hash = (password: string) => inTurn(() => Bun.password.hash(password, argon2id))

  return {
    /** The hash to store. */
    hash,

    /**
     * Whether the password is the one hashed. Without a hash, or with the empty one of an account that has no password, it
     * takes as long and gives false, so that nobody learns which accounts exist.
     */
    async matches(password: string, stored: string | undefined) {
      decoy ??= hash(crypto.randomUUID())
      const against = stored || (await decoy)
      const same = await inTurn(() => Bun.password.verify(password, against))
      return same && Boolean(stored)
    }
  }
}
