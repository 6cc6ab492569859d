import { describe, expect, test } from 'bun:test'
import { lockFolder } from '../../src/lib/folder-lock.ts'
import { emptyPlace, operate } from '../support/command.ts'
import { databaseName, postgresServer } from '../support/databases.ts'

const lines = (text: string) => text.trimEnd().split('\n')

describe(`migrate on ${databaseName}`, () => {
  test('says what is to come, applies it once, and says what was applied', async () => {
    await using place = await emptyPlace()
    const before = await operate('migrate --status', place.env)
    expect(before.code).toBe(0)
    expect(lines(before.output)[0]).toBe('to come  0000_foundation')
    const applied = await operate('migrate', place.env)
    expect(applied).toEqual({ code: 0, output: before.output.replaceAll('to come  ', 'applied  '), complaints: '' })
    expect(await operate('migrate', place.env)).toEqual({ code: 0, output: 'The database is up to date.\n', complaints: '' })
    expect((await operate('migrate --status', place.env)).output).toBe(applied.output)
  })

  if (!postgresServer) {
    test('is refused while a hub has the folder', async () => {
      await using place = await emptyPlace()
      await operate('migrate', place.env)
      const unlock = lockFolder(place.env.DATA_DIR ?? '')
      const { code, complaints } = await operate('migrate', place.env)
      expect({ code, complaints }).toEqual({ code: 1, complaints: `${place.env.DATA_DIR} is in use by another process\n` })
      unlock()
    })
  }
})
