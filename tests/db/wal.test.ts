import { describe, expect, test } from 'bun:test'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createWalSync } from '../../src/db/wal.ts'

/** A file that can be opened and not be brought onto any disk. */
const notOnDisk = '/dev/null'

describe('what is written to the log of SQLite', () => {
  test('is brought onto the disk for all who wait at once, in the order in which they came', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'updraft-wal-'))
    await Bun.write(join(folder, 'wal'), 'written')
    const wal = createWalSync(join(folder, 'wal'))
    const order: number[] = []
    const all = [1, 2, 3].map((n) => wal.synced().then(() => order.push(n)))
    expect(order).toEqual([])
    await Promise.all(all)
    await wal.synced().then(() => order.push(4))
    expect(order).toEqual([1, 2, 3, 4])
    wal.refuseIfFailed()
    await wal.close()
    await rm(folder, { recursive: true })
  })

  test('and cannot be brought there fails all who wait for it, and whoever comes after them', async () => {
    const wal = createWalSync(notOnDisk)
    const outcomes = await Promise.allSettled([wal.synced(), wal.synced()])
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    expect(() => wal.refuseIfFailed()).toThrow('The disk has failed to take what was written')
    const after = wal.synced()
    expect(after).rejects.toThrow('The disk has failed to take what was written')
    await after.catch(() => {})
    await wal.close()
  })
})
