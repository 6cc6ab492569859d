import { expect, test } from 'bun:test'
import { mkdtemp, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { createSpools } from '../../src/features/containers/spools.ts'
import { failureOf } from '../support/failure.ts'

test('the log of a run goes on where it was when what could not be written can be written again', async () => {
  const folder = await mkdtemp('/tmp/updraft-spools-')
  const spools = createSpools(join(folder, 'spools'))
  const spool = await spools.take('run')
  await failureOf(spool.append(Buffer.from('lost')))
  await spools.prepare()
  await spool.append(Buffer.from('one '))
  await spool.append(Buffer.from('two'))
  expect(Buffer.from(await spool.read(0, 100)).toString()).toBe('one two')
  await spools.release('run')
  await rename(join(folder, 'spools', 'run.log'), join(folder, 'log'))
  expect(await Bun.file(join(folder, 'log')).text()).toBe('one two')
  await rm(folder, { recursive: true, force: true })
})
