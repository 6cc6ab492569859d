import { describe, expect, test } from 'bun:test'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import postgres from 'postgres'
import { within } from '../support/bare.ts'
import { freshDatabase, postgresServer } from '../support/databases.ts'
import { failureOf } from '../support/failure.ts'
import { until } from '../support/mqtt.ts'

/** A way to a server that loses its connections when told so. */
async function wayTo(url: string) {
  const { hostname, port } = new URL(url)
  const ways: { client: Socket; server: Socket }[] = []
  const front = createServer((client) => {
    const server = connect(Number(port), hostname)
    client.on('error', () => {}).on('close', () => server.destroy())
    server.on('error', () => {}).on('close', () => client.destroy())
    client.pipe(server).pipe(client)
    ways.push({ client, server })
  })
  await new Promise<void>((listening) => front.listen(0, '127.0.0.1', listening))
  const own = (front.address() as AddressInfo).port
  return {
    url: Object.assign(new URL(url), { port: String(own) }).href,
    /** Ends them all, as a server that dies does. */
    reset() {
      for (const { client } of ways.splice(0)) client.resetAndDestroy()
    },
    /** Ends them all, as a server does that is told to. */
    end() {
      for (const { client } of ways.splice(0)) client.end()
    },
    close: () => front.close()
  }
}

/** One connection through such a way for all queries. */
async function oneConnection() {
  const database = await freshDatabase()
  if (!database) throw new Error('no PostgreSQL')
  const way = await wayTo(database.url)
  const client = postgres(way.url, { max: 1, fetch_types: false, backoff: () => 0.01, onnotice() {} })
  return {
    way,
    client,
    async [Symbol.asyncDispose]() {
      await client.end({ timeout: 1 })
      way.close()
      await database.drop()
    }
  }
}

// What the client of PostgreSQL keeps of a connection that is no more would be given to those who have the next: see scripts/patches.
if (postgresServer) {
  describe('a connection to PostgreSQL that is lost', () => {
    for (const kind of ['reset', 'end'] as const) {
      test(`${kind} in a transaction: the next has what it asks for`, async () => {
        await using one = await oneConnection()
        const { client, way } = one
        const started = Promise.withResolvers<void>()
        const lost = client.begin(async (tx) => {
          await tx.unsafe('select 1')
          started.resolve()
          await tx.unsafe('select pg_sleep(20)')
        })
        await started.promise
        await Bun.sleep(50)
        way[kind]()
        await within(failureOf(lost), 'its end')
        for (const n of [1, 2, 3]) {
          const rows = await within(
            client.begin((tx) => tx<{ n: number }[]>`select ${n}::int as n`),
            `transaction ${n}`
          )
          expect(rows.map((row) => row.n)).toEqual([n])
        }
      }, 30_000)

      test(`${kind} amid an answer: nothing of it is in the next`, async () => {
        await using one = await oneConnection()
        const { client, way } = one
        const lost = client.unsafe("select n, repeat('x', 1000) as text, pg_sleep(0.001) from generate_series(1, 20000) as n")
        lost.catch(() => {})
        await Bun.sleep(500)
        way[kind]()
        await within(failureOf(lost), 'its end')
        const both = [client<{ n: number }[]>`select 7 as n`, client<{ n: number }[]>`select ${8}::int as n`]
        const rows = await within(Promise.all(both), 'two answers')
        expect(rows.map((each) => each.map((row) => row?.n))).toEqual([[7], [8]])
      }, 30_000)

      test(`${kind} while a transaction asks several things at once: each is refused`, async () => {
        await using one = await oneConnection()
        const { client, way } = one
        const asked = Promise.withResolvers<Promise<unknown>[]>()
        const lost = client.begin((tx) => {
          const slow = [tx`select pg_sleep(${20})`, ...[1, 2, 3].map((n) => tx`select ${n}::int as n`)]
          const all = slow.map((query) => failureOf(query))
          asked.resolve(all)
          return Promise.all(all)
        })
        const all = await asked.promise
        await Bun.sleep(50)
        way[kind]()
        await within(failureOf(lost), 'its end')
        await within(Promise.all(all), 'the end of each')
      }, 30_000)
    }

    test('by its server, which says why: the next is not told that', async () => {
      await using one = await oneConnection()
      const { client } = one
      await using other = await oneConnection()
      const [own] = await client<{ pid: number }[]>`select pg_backend_pid() as pid`
      const pid = own?.pid ?? 0
      const lost = failureOf(client`select pg_sleep(20)`)
      const asleep = () => other.client`select 1 from pg_stat_activity where pid = ${pid} and wait_event = 'PgSleep'`
      await until(async () => (await asleep()).length === 1, 'the query to be under way')
      await other.client`select pg_terminate_backend(${pid})`
      await within(lost, 'its end')
      const rows = await within(client<{ n: number }[]>`select 7 as n`, 'the next')
      expect(rows.map((row) => row.n)).toEqual([7])
    }, 30_000)
  })
}
