import { describe, expect, test } from 'bun:test'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
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

    test('says whose folder it is where the database cannot be opened', async () => {
      await using place = await emptyPlace()
      await mkdir(join(place.env.DATA_DIR ?? '', 'updraft.sqlite'), { recursive: true })
      const { code, complaints } = await operate('migrate', place.env)
      const sentence = 'unable to open database file: run it as the user of the hub, to whom DATA_DIR belongs\n'
      expect({ code, complaints }).toEqual({ code: 1, complaints: sentence })
    })
  }
})
