const blockBytes = 1024 * 1024

type Write = (bytes: Uint8Array) => Promise<unknown>

/**
 * Gathers what comes in two blocks that are used over and over: while one is written, the other is filled. Written as they
 * come, chunks would be waited for each, and meanwhile the next grow large in memory, faster than it is collected.
 */
export function createBlocks(write: Write) {
  const blocks: Buffer[] = []
  let current = 0
  let filled = 0
  let writing: Promise<unknown> = Promise.resolve()

  async function flush() {
    await writing
    writing = write((blocks[current] ?? Buffer.alloc(0)).subarray(0, filled))
    writing.catch(() => {}) // whoever waits for it next is told
    current = 1 - current
    filled = 0
  }

  return {
    /** Takes in bytes, once there is room for them. */
    async add(bytes: Uint8Array) {
      for (let from = 0; from < bytes.byteLength; ) {
        const block = (blocks[current] ??= Buffer.allocUnsafeSlow(blockBytes))
        const taken = bytes.subarray(from, from + blockBytes - filled)
        block.set(taken, filled)
        filled += taken.byteLength
        from += taken.byteLength
        if (filled === blockBytes) await flush()
      }
    },

    /** Resolves when everything is written. */
    async end() {
      if (filled > 0) await flush()
      await writing
    },

    /** Resolves when nothing is being written, come what may: only then may the file be closed. */
    idle: () => writing.catch(() => {})
  }
}
