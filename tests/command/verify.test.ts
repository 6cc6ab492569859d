import { describe, expect, test } from 'bun:test'
import { rm } from 'node:fs/promises'
import { operate } from '../support/command.ts'
import { databaseName, postgresServer, runSql } from '../support/databases.ts'
import { smallHub } from '../support/laden.ts'
import { hubHome } from '../support/process.ts'

describe(`verify on ${databaseName}`, () => {
  test('finds everything right beside a running hub; then bytes that are gone, and an entry that was changed', async () => {
    await using home = await hubHome()
    const { acknowledged, damage, stop } = await smallHub(home, 'running')
    const right = await operate('verify', home.env)
    expect(right.output).toMatch(
      /^Bytes: \d+ blobs right, [\d.]+ MiB; 0 blobs that nothing refers to.\nLogs: [\d,]+ entries of 1 application hold.\nEverything is right.\n$/
    )
    expect(right.code).toBe(0)
    await stop()
    const { sha256 = '' } = acknowledged.images[0] ?? {}
    await damage(sha256, (path) => rm(path))
    const place = { databaseUrl: home.env.DATABASE_URL, dataDir: home.dataDir }
    await runSql(place, "update log_entries set payload = 'something else' where seq = 2")
    const wrong = await operate('verify', home.env)
    expect(wrong.code).toBe(1)
    expect(wrong.output).toContain(`WRONG  deployment 1: the bytes ${sha256} are not there\n`)
    expect(wrong.output).toMatch(/WRONG {2}log of application [-0-9a-f]{36}: the entry is not what was stored, at 2\n/)
    expect(wrong.output).toEndWith('2 things wrong.\n')
    const quick = await operate('verify --quick', home.env)
    expect(quick).toMatchObject({ code: 1, output: expect.stringContaining('are not there\n1 thing wrong.\n') })
    if (!postgresServer) {
      await runSql(place, "PRAGMA foreign_keys = OFF; update deployments set application_id = 'nobody'")
      expect((await operate('verify', home.env)).output).toContain(
        'WRONG  row 1 of deployments refers to what is not in applications\n'
      )
    }
  })

  test('needs what the logs are held together by', async () => {
    await using home = await hubHome()
    await smallHub(home)
    const { code, output } = await operate('verify', {
      ...home.env,
      JWT_SECRET: 'another secret, which is long enough to sign with'
    })
    expect(code).toBe(1)
    expect(output).toMatch(/WRONG {2}log of application .*: where the log ends is not signed/)
  })
})
