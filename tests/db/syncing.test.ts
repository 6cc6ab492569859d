import { describe, expect, test } from 'bun:test'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createSyncing } from '../../src/db/syncing.ts'

/** A file that can be opened and not be brought onto any disk. */
const notOnDisk = '/dev/null'

describe('what is written to a file', () => {
  test('is brought onto the disk for all who wait at once, in the order in which they came', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'updraft-syncing-'))
    await Bun.write(join(folder, 'file'), 'written')
    const syncing = createSyncing(join(folder, 'file'))
    const order: number[] = []
    const all = [1, 2, 3].map((n) => syncing.synced().then(() => order.push(n)))
    expect(order).toEqual([])
    await Promise.all(all)
    await syncing.synced().then(() => order.push(4))
    expect(order).toEqual([1, 2, 3, 4])
    syncing.refuseIfFailed()
    await syncing.close()
    await rm(folder, { recursive: true })
  })

  test('and cannot be brought there fails all who wait for it, and whoever comes after them', async () => {
    const syncing = createSyncing(notOnDisk)
    const outcomes = await Promise.allSettled([syncing.synced(), syncing.synced()])
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    expect(() => syncing.refuseIfFailed()).toThrow('The disk has failed to take what was written')
    const after = syncing.synced()
    expect(after).rejects.toThrow('The disk has failed to take what was written')
    await after.catch(() => {})
    await syncing.close()
  })
})
