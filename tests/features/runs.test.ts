import { describe, expect, test } from 'bun:test'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { createDiskStore } from '../../src/blobs/disk.ts'
import type { Engine } from '../../src/features/containers/engine.ts'
import { EngineUnreachable } from '../../src/features/containers/failures.ts'
import { createRuns, type Run, type RunEnd } from '../../src/features/containers/runs.ts'
import { createSpools } from '../../src/features/containers/spools.ts'
import { databaseAway } from '../../src/lib/failures.ts'
import { createLog } from '../../src/lib/log.ts'
import { createSlots } from '../../src/lib/slots.ts'

const limits = { memory: 1, cpus: 1, disk: 1024, log: 1024, network: 'none', time: 60_000 }

/** An engine whose containers end as soon as they are started; `asked` notes what it was asked for. */
function playEngine(there: string[] = []) {
  const containers = new Map(there.map((run): [string, 'created' | 'ended'] => [run, 'ended']))
  const asked: string[] = []
  const engine: Partial<Engine> = {
    list: async () => [...containers.keys()].map((run) => ({ id: run, run })),
    pull: async (image) => void asked.push(`pull ${image}`),
    create: async (run) => {
      asked.push(`create ${run}`)
      containers.set(run, 'created')
      return run
    },
    putFiles: async () => {},
    start: async (id) => void containers.set(id, 'ended'),
    state: async (id) => {
      const status = containers.get(id)
      return status && { status, exitCode: 0, outOfMemory: false, startedAt: new Date(), disk: 0 }
    },
    files: async () => undefined,
    remove: async (id) => void containers.delete(id),
    output: async function* () {}
  }
  return { engine: engine as Engine, containers, asked }
}

async function stage(there?: string[]) {
  const folder = await mkdtemp('/tmp/updraft-runs-')
  const store = createDiskStore(join(folder, 'blobs'))
  await store.prepare()
  const spools = createSpools(join(folder, 'spools'))
  await spools.prepare()
  const played = playEngine(there)
  const blobs = { stage: store.stage } as never
  const runs = createRuns({ engine: played.engine, spools, blobs, log: createLog('silent'), limits, patience: 500 })
  return {
    ...played,
    runs,
    logs: () => readdir(join(folder, 'spools')),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true })
  }
}

/** A run, and how it ended. */
function runOf(name: string, more: Partial<Run> = {}) {
  const ends: RunEnd<unknown>[] = []
  const run: Run = {
    name,
    image: 'an image',
    folder: '/task',
    logStart: null,
    prepare: async () => ({ archive: (async function* () {})() }),
    started: async () => {},
    collect: async () => 'collected',
    ended: async (end) => void ends.push(end),
    ...more
  }
  return { run, ends }
}

describe('a run', () => {
  for (const step of ['prepare', 'started', 'collect'] as const) {
    test(`goes on where the database was away for a moment: ${step}`, async () => {
      await using t = await stage()
      let tries = 0
      const plain = runOf('one').run[step] as () => Promise<never>
      const away = async () => {
        if (++tries === 1) throw databaseAway()
        return plain()
      }
      const { run, ends } = runOf('one', { [step]: away })
      await t.runs.perform('one', createSlots(1), async () => run)
      expect(ends).toMatchObject([{ collected: 'collected' }])
      expect(t.containers.size).toBe(0)
    })
  }

  test('that is taken back before its turn leaves nothing of what an earlier process had begun', async () => {
    await using t = await stage(['second'])
    const slots = createSlots(1)
    const gate = Promise.withResolvers<undefined>()
    const first = t.runs.perform('first', slots, () => gate.promise)
    const { run } = runOf('second', { logStart: 0 })
    const second = t.runs.perform('second', slots, async () => run)
    await t.runs.cancel('second')
    expect([...t.containers.keys()]).toEqual([])
    gate.resolve(undefined)
    await Promise.all([first, second])
  })

  test('that is taken back when it is its turn asks the engine for nothing more', async () => {
    await using t = await stage()
    const { run, ends } = runOf('one')
    const gate = Promise.withResolvers<Run>()
    const done = t.runs.perform('one', createSlots(1), () => gate.promise)
    const cancelled = t.runs.cancel('one')
    gate.resolve(run)
    await Promise.all([done, cancelled])
    expect([t.asked, ends, await t.logs()]).toEqual([[], [], []])
  })

  test('whose container is made after nobody waited for it any more leaves none', async () => {
    await using t = await stage()
    await t.runs.tidy()
    t.engine.create = async () => {
      throw new EngineUnreachable('The container engine did not answer in time')
    }
    const { run, ends } = runOf('one')
    await t.runs.perform('one', createSlots(1), async () => run)
    expect(ends).toMatchObject([{ failure: 'The container engine did not answer in time' }])
    t.containers.set('one', 'created')
    await t.runs.tidy()
    expect(t.containers.size).toBe(0)
  })
})
