import { expect, test } from 'bun:test'
import postgres from 'postgres'
import { postgresServer } from '../support/databases.ts'
import { testDevice, testHub } from '../support/hub.ts'
import { logOf, until } from '../support/mqtt.ts'

// Of one process, what is taken in is committed in the order of its numbers.
if (postgresServer) {
  test('what another hub has numbered before and commits while reports are folded is not taken away with them', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    const lamp = await testDevice(ada, 'lamp', { app: 'blinker' })
    const sql = postgres(hub.hub.config.databaseUrl ?? '', { max: 3, onnotice() {} })
    const [device] = await sql<{ id: string; app: string }[]>`select id, application_id as app from devices`
    const reports = JSON.stringify([[device?.id, device?.app, Date.now(), 'from another hub']])
    const [other, holding] = [await sql.reserve(), await sql.reserve()]
    await other`begin`
    await other`insert into log_intake (reports) values (${reports})`
    await holding`begin`
    await holding`lock table log_entries in access exclusive mode`
    await hub.call(`PUT /devices/${lamp.secret}/heartbeat?status=ready`, undefined, { raw: 'from this hub' })
    const settled = hub.hub.logs.settle()
    const isHeld = async () => (await sql`select 1 from pg_locks where not granted`).length > 0
    await until(isHeld, 'the reports to be half folded')
    await other`commit`
    await holding`commit`
    other.release()
    holding.release()
    await settled
    expect((await logOf(ada, 'lamp')).toSorted()).toEqual(['from another hub', 'from this hub'])
    await sql.end()
  })
}
