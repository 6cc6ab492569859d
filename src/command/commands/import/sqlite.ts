import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { sqliteFile } from '../../../db/files.ts'
import { migrateDatabase, openBeside } from '../../../db/open.ts'
import { transfer } from '../../../db/transfer.ts'
import { lockFolder } from '../../../lib/folder-lock.ts'
import { counted, seconds } from '../../../lib/plain-numbers.ts'
import { checkChains, isSecretOf } from '../../checks/chains.ts'
import type { Call, Command, Outcome } from '../../command.ts'
import { secretOf } from '../../place.ts'

/** `import sqlite`: from SQLite to PostgreSQL. */
export const sqlite: Command = {
  name: 'sqlite',
  summary: 'copies all rows of a hub on SQLite into an empty PostgreSQL database',
  usage: 'sqlite <folder>',
  about: `The folder is the DATA_DIR of the hub on SQLite, which must be stopped and is not changed. DATABASE_URL names the database to
fill: it must be empty, and is brought up to date. JWT_SECRET must be what that hub signed with, which is in the folder's jwt-secret
unless it was configured. All of it is one transaction. Afterwards the rows are counted and every log is verified.
Bytes are not moved: start the hub with the same DATA_DIR, or copy them to S3 by blobs copy.`,
  options: {},
  run: fill
}

async function fill(call: Call): Promise<Outcome> {
  const { config, given, say, progress, signal } = call
  const folder = resolve(given[0] ?? '')
  const { databaseUrl } = config
  if (!databaseUrl) throw new Error('DATABASE_URL must name the PostgreSQL database that is to be filled')
  if (!existsSync(sqliteFile(folder))) throw new Error(`There is no database in ${folder}`)
  const secret = await secretOf(config)
  const unlock = lockFolder(folder)
  try {
    await refuseOtherSecret(folder, secret)
    await migrateDatabase(config)
    const began = performance.now()
    const report = (table: string, done: number, of: number) =>
      progress.show('rows', { done, of, note: `${counted(done, 'row')}, ${table}` })
    const rows = await transfer(folder, databaseUrl, { report, signal })
    say(`${counted(rows, 'row')} imported, and counted there, in ${seconds(performance.now() - began)}.`)
    return await check(call, secret, folder)
  } finally {
    unlock()
  }
}

async function refuseOtherSecret(folder: string, secret: string) {
  const source = await openBeside({ dataDir: folder, databaseUrl: undefined })
  try {
    if (!(await isSecretOf(source, secret)))
      throw new Error(`JWT_SECRET is not what the hub in ${folder} signed with: set it to what is in ${folder}/jwt-secret`)
  } finally {
    await source.close()
  }
}

async function check(call: Call, secret: string, folder: string): Promise<Outcome> {
  const { config, say } = call
  const began = performance.now()
  const target = await openBeside(config)
  try {
    const { entries, applications, wrong } = await checkChains({ ...call, db: target, secret })
    const took = seconds(performance.now() - began)
    say(`Logs: ${counted(entries, 'entry', 'entries')} of ${counted(applications, 'application')} hold, verified in ${took}.`)
    for (const line of wrong) say(`WRONG  ${line}`)
    say(`Bytes and secrets are still in ${folder}: start the hub with DATA_DIR=${folder}, or copy the bytes to S3 by blobs copy.`)
    return wrong.length === 0 ? 'done' : 'wrong'
  } finally {
    await target.close()
  }
}
