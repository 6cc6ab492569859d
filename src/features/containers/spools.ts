import { createReadStream } from 'node:fs'
import { type FileHandle, mkdir, open, readdir, rm, stat, truncate } from 'node:fs/promises'
import { join } from 'node:path'

/** The log of a run under way. */
export type Spool = ReturnType<typeof createSpool>
export type Spools = ReturnType<typeof createSpools>

/** The logs of runs under way, a file each below `folder`: written as they come, and read by as many as like, each at its own pace. */
export function createSpools(folder: string) {
  const open = new Map<string, Spool>()
  const readers = new Map<string, Set<() => void>>()
  const listeners = new Set<(run: string, bytes: Uint8Array) => void>()
  const pathOf = (run: string) => join(folder, `${run}.log`)

  function wake(run: string) {
    for (const reader of readers.get(run) ?? []) reader()
  }

  function written(run: string, bytes: Uint8Array) {
    for (const listener of listeners) listener(run, bytes)
    wake(run)
  }

  return {
    prepare: () => mkdir(folder, { recursive: true, mode: 0o700 }),

    /** The log of a run, with what an earlier process has written of it. */
    async take(run: string) {
      const { size = 0 } = (await stat(pathOf(run)).catch(() => undefined)) ?? {}
      const spool = createSpool({ path: pathOf(run), size, written: (bytes) => written(run, bytes) })
      open.set(run, spool)
      return spool
    },

    /** The log of a run that is under way here. */
    of: (run: string) => open.get(run),

    /** Lets go of a log, and wakes its readers a last time; its file stays, for a run that is taken up again. */
    async release(run: string) {
      const spool = open.get(run)
      open.delete(run)
      await spool?.close()
      wake(run)
    },

    /** Calls `reader` whenever there may be more to read of a log, under way here by now or not yet. Gives the way to stop. */
    onNews(run: string, reader: () => void) {
      const all = readers.get(run) ?? new Set()
      readers.set(run, all.add(reader))
      return () => {
        all.delete(reader)
        if (all.size === 0 && readers.get(run) === all) readers.delete(run)
      }
    },

    /** Has the readers of a log look again. */
    wake,

    /** Calls `listener` with whatever is written to any log. */
    listen: (listener: (run: string, bytes: Uint8Array) => void) => void listeners.add(listener),

    /** Removes the file of a log that is kept elsewhere by now. */
    remove: (run: string) => rm(pathOf(run), { force: true }),

    /** Removes the files of runs that are not `wanted`. */
    async removeOthers(wanted: (run: string) => boolean) {
      const runs = (await readdir(folder)).map((name) => name.replace(/\.log$/, ''))
      await Promise.all(runs.filter((run) => !wanted(run)).map((run) => rm(pathOf(run), { force: true })))
    }
  }
}

type Opened = { path: string; size: number; written(bytes: Uint8Array): void }

function createSpool({ path, size: sizeBefore, written }: Opened) {
  let size = sizeBefore
  let file: FileHandle | undefined
  let last: Promise<void> = Promise.resolve()

  async function write(bytes: Uint8Array) {
    const to = (file ??= await open(path, 'a', 0o600))
    await to.appendFile(bytes).catch(async (error: unknown) => {
      await to.truncate(size) // where there is no room, a part of it may have been written
      throw error
    })
    size += bytes.byteLength
    written(bytes)
  }

  /** One after the other, whatever came of the one before: what is said and what a container writes does not mix. */
  function inTurn(act: () => Promise<void>) {
    last = last.catch(() => {}).then(act)
    return last
  }

  return {
    /** How many bytes it has. */
    size: () => size,

    append: (bytes: Uint8Array) => inTurn(() => write(bytes)),

    /** A line of the hub's own. */
    say: (line: string) => inTurn(() => write(Buffer.from(`${line}\n`))),

    /** Begins anew. */
    reset: () =>
      inTurn(async () => {
        if (size > 0) await truncate(path)
        size = 0
      }),

    /** At most `most` bytes from `offset` on. */
    read: async (offset: number, most: number) =>
      offset >= size
        ? new Uint8Array()
        : Bun.file(path)
            .slice(offset, Math.min(size, offset + most))
            .bytes(),

    /** All of it, as it is now. */
    contents: (): AsyncIterable<Uint8Array> => (size === 0 ? none() : createReadStream(path, { end: size - 1 })),

    async close() {
      await last.catch(() => {})
      await file?.close()
    }
  }
}

async function* none() {}
