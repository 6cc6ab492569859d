import { Database } from 'bun:sqlite'
import { join } from 'node:path'
import { type Asked, entryOf } from '../log-entries.ts'

// Plain inserts into SQLite, as durable as the hub's: a request says for how long, and is answered how many rows that were.
const atOnce = 100
const database = new Database(join(process.env.FOLDER ?? '', 'plain.sqlite'))
database.run('PRAGMA journal_mode = WAL')
database.run('PRAGMA synchronous = FULL')
database.run(`CREATE TABLE log_entries (
  id integer PRIMARY KEY AUTOINCREMENT, application_id text, device_id text, type text NOT NULL, payload text NOT NULL, at integer NOT NULL
)`)
const insert = database.query('INSERT INTO log_entries (application_id, device_id, type, payload, at) VALUES (?, ?, ?, ?, ?)')

const insertSome = database.transaction((from: number) => {
  for (let n = from; n < from + atOnce; n++) {
    const { type, payload } = entryOf(n)
    insert.run('0199a2c4-7d1e-7c3a-9b52-4f6e8d0a1b2c', null, type, payload, Date.now())
  }
})

Bun.serve({
  port: Number(process.env.PORT),
  hostname: '127.0.0.1',
  idleTimeout: 0,
  async fetch(request) {
    const { seconds } = (await request.json()) as Asked
    const began = performance.now()
    let rows = 0
    for (; performance.now() - began < seconds * 1000; rows += atOnce) insertSome.immediate(rows)
    return Response.json({ rows, seconds: (performance.now() - began) / 1000 })
  }
})
