import { describe, expect, test } from 'bun:test'
import { eq } from 'drizzle-orm'
import { databaseName } from '../../support/databases.ts'
import { testDevice } from '../../support/hub.ts'
import { auditorOf, type Made, mine, no, office } from '../../support/office.ts'

type Office = Awaited<ReturnType<typeof office>>
type Entry = { id: number; payload: unknown; log_type: string; seq: number }
type Page = { data: Entry[]; next?: string }

const lines = (type: string, payloads: unknown[]) =>
  payloads.map((payload) => JSON.stringify({ log_type: type, payload })).join('\n')
const read = async ({ root }: Office, query = '') => (await root.call(`GET /api/v1/logs${query}`)).body as Page
const payloads = ({ data }: Page) => data.map(({ payload }) => payload)

/** Puts a device of the administrator's into an application, and has it say lines. */
async function deviceSays({ hub, root }: Office, app: string, text: string) {
  const lamp = await testDevice({ ...root, name: 'admin', email: '' }, 'lamp')
  await root.call(`POST /admin/apps/${app}/devices`, { device_name: 'lamp' })
  const report = () => hub.call(`PUT /devices/${lamp.secret}/heartbeat?status=running`, undefined, { raw: text })
  await report()
  return { ...lamp, report }
}

describe(`GET /api/v1/logs on ${databaseName}`, () => {
  test('gives entries of all applications, newest first, those of programs and of devices', async () => {
    await using t = await office()
    const [app, other] = [await t.make(), await t.make({ name: 'Other', slug: 'other' })]
    await t.say(app.apiKey, { log_type: 'audit', payload: { user: 'ada' } })
    await deviceSays(t, 'my-app', 'booted')
    await t.hub.hub.logs.settle()
    await t.say(other.apiKey, { log_type: 'error', payload: 'disk full' })
    const anyTime = expect.stringMatching(/^20.*Z$/)
    const anyHash = expect.stringMatching(/^[\w-]{43}$/)
    const common = { id: expect.any(Number), device_id: null, createdAt: anyTime, hash: anyHash }
    expect(await t.root.call('GET /api/v1/logs')).toEqual({
      status: 200,
      body: {
        success: true,
        data: [
          { ...common, application_id: other.id, log_type: 'error', payload: 'disk full', seq: 1 },
          {
            ...common,
            application_id: app.id,
            device_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
            log_type: 'device',
            payload: 'booted',
            seq: 2
          },
          { ...common, application_id: app.id, log_type: 'audit', payload: { user: 'ada' }, seq: 1 }
        ]
      }
    })
    expect(await t.list()).toMatchObject({ data: [{ total_logs: 2 }, { total_logs: 1 }] })
    const auditor = await auditorOf(t.hub)
    expect(await auditor.call('GET /api/v1/logs?limit=1')).toMatchObject({ status: 200, body: { data: [{ log_type: 'error' }] } })
  })

  test('by application, by type, and by pages, whose last has no next', async () => {
    await using t = await office()
    const [app, other] = [await t.make(), await t.make({ name: 'Other', slug: 'other' })]
    await t.say(app.apiKey, lines('audit', [1, 2, 3, 4, 5]))
    await t.say(other.apiKey, lines('audit', ['a']))
    await t.say(app.apiKey, lines('error', [6]))
    expect(payloads(await read(t, `?application_id=${other.id}`))).toEqual(['a'])
    expect(payloads(await read(t, '?log_type=audit'))).toEqual(['a', 5, 4, 3, 2, 1])
    expect(payloads(await read(t, `?application_id=${app.id}&log_type=error`))).toEqual([6])
    expect(payloads(await read(t, '?log_type=device'))).toEqual([])
    expect(await read(t, '?application_id=none')).toEqual({ success: true, data: [] } as unknown as Page)

    const seen: unknown[] = []
    let query = `?application_id=${app.id}&log_type=audit&limit=2`
    for (const size of [2, 2, 1]) {
      const page = await read(t, query)
      expect([page.data.length, page.next === undefined]).toEqual([size, size === 1])
      seen.push(...payloads(page))
      query = `?application_id=${app.id}&log_type=audit&limit=2&cursor=${page.next}`
      await t.say(app.apiKey, lines('audit', ['new'])) // what comes meanwhile shifts no page
    }
    expect(seen).toEqual([5, 4, 3, 2, 1])
  })

  test('says what is wrong', async () => {
    await using t = await office()
    const ada = await t.hub.user('ada')
    const { apiKey } = await t.make()
    for (const path of ['/api/v1/logs?limit=0', '/api/v1/logs/verify-chain']) {
      expect(await t.hub.call(`GET ${path}`, undefined, { headers: { 'x-api-key': apiKey } })).toEqual({
        status: 401,
        body: no('Authentication required. Provide token via Authorization header')
      })
      expect(await ada.call(`GET ${path}`)).toEqual({
        status: 403,
        body: no('Access denied. AUDITOR or SUPER_ADMIN role required')
      })
    }
    for (const [query, message] of [
      ['limit=0', 'limit must be between 1 and 500'],
      ['limit=501', 'limit must be between 1 and 500'],
      ['cursor=new', 'cursor must be the next of an earlier page'],
      ['log_type=no%20name', 'log_type must begin with a letter and have at most 64 letters, digits and _ . : -'],
      ['application_id=%00', 'application_id is not valid'],
      ['follow=perhaps', 'follow must be true or false']
    ])
      expect(await t.root.call(`GET /api/v1/logs?${query}`)).toEqual({ status: 422, body: no(message ?? '') })
  })

  test('gives what somebody has put into the database behind its back, whatever it is', async () => {
    await using t = await office()
    const { apiKey } = await t.make()
    await t.say(apiKey, { log_type: 'audit', payload: 1 })
    const db = await t.hub.openDb()
    await db.write(({ tx }) => tx.update(db.tables.logEntries).set({ payload: 'no "JSON"' }))
    await db.close()
    expect(payloads(await read(t))).toEqual(['no "JSON"'])
  })

  test('with follow=true streams what comes, and from a cursor on what was missed', async () => {
    await using t = await office()
    const [app, other] = [await t.make(), await t.make({ name: 'Other', slug: 'other' })]
    await t.say(app.apiKey, lines('audit', ['before']))
    const [before] = (await read(t)).data
    await using live = await follow(t, `application_id=${app.id}`)
    await t.say(other.apiKey, lines('audit', ['elsewhere']))
    await t.say(app.apiKey, lines('audit', [1, 2]))
    const device = await deviceSays(t, 'my-app', 'booted')
    expect([await live.next(), await live.next(), await live.next()]).toMatchObject([
      { payload: 1, log_type: 'audit' },
      { payload: 2 },
      { payload: 'booted', log_type: 'device' }
    ])
    await using again = await follow(t, `cursor=${before?.id}&log_type=audit`)
    expect([await again.next(), await again.next(), await again.next()]).toMatchObject([
      { payload: 'elsewhere' },
      { payload: 1 },
      { payload: 2 }
    ])
    await device.report()
    await t.say(app.apiKey, lines('audit', ['last']))
    expect(await again.next()).toMatchObject({ payload: 'last' })
  })

  test('follow gives an entry a line, however many its payload came in', async () => {
    await using t = await office()
    const { apiKey } = await t.make()
    const raw = '{"log_type":"audit","payload":{\r\n  "text": "a\\nb"\n}}'
    await t.hub.call('POST /api/v1/logs', undefined, { raw, headers: { 'x-api-key': apiKey } })
    await t.say(apiKey, lines('audit', ['last']))
    await using live = await follow(t, 'cursor=0')
    expect([await live.next(), await live.next()]).toMatchObject([{ payload: { text: 'a\nb' } }, { payload: 'last' }])
  })

  test('follow ends when its reader may no longer read', async () => {
    await using t = await office()
    const { apiKey } = await t.make()
    const auditor = await auditorOf(t.hub)
    await using live = await follow({ ...t, root: auditor }, '')
    await t.say(apiKey, lines('audit', [1]))
    expect(await live.next()).toMatchObject({ payload: 1 })
    const { id } = (await auditor.call('GET /me')).body as { id: string }
    await t.root.call(`PUT /api/v1/users/${id}/role`, { role: 'USER' })
    await t.say(apiKey, lines('audit', [2]))
    expect(await live.next()).toBeUndefined()
  })
})

/** Follows the log; `next` gives the next entry, undefined at the end. */
async function follow({ root }: Pick<Office, 'root'>, query: string) {
  const response = await root.send(`GET /api/v1/logs?follow=true&${query}`)
  expect(response.headers.get('content-type')).toBe('application/x-ndjson')
  const reader = (response.body as ReadableStream<Uint8Array>).getReader()
  let text = ''
  return {
    async next(): Promise<Entry | undefined> {
      while (!/^\s*\S.*\n/.test(text)) {
        const { done, value } = await reader.read()
        if (done) return undefined
        text += new TextDecoder().decode(value)
      }
      const [line = ''] = text.trimStart().split('\n')
      text = text.trimStart().slice(line.length)
      return JSON.parse(line) as Entry
    },
    [Symbol.asyncDispose]: () => reader.cancel()
  }
}

describe(`GET /api/v1/logs/verify-chain on ${databaseName}`, () => {
  const check = ({ root }: Office, { id }: Made) => root.call(`GET /api/v1/logs/verify-chain?application_id=${id}`)
  const found = ({ id }: Made, what: object) => ({ status: 200, body: { success: true, data: { application_id: id, ...what } } })

  test('says that a log is whole, of programs and devices together', async () => {
    await using t = await office()
    const app = await t.make()
    expect(await check(t, app)).toEqual(found(app, { intact: true, checked: 0, from: 0, to: 0 }))
    await t.say(app.apiKey, lines('audit', [1, 2]))
    await deviceSays(t, 'my-app', 'booted\nwarm')
    expect(await check(t, app)).toEqual(found(app, { intact: true, checked: 4, from: 1, to: 4 }))
  })

  test.each([
    ['edited', 2, 'the entry is not what was stored'],
    ['deleted', 2, 'an entry is missing'],
    ['swapped', 2, 'the entry is not what was stored'],
    ['cut off at the end', 4, 'an entry is missing']
  ])('says where a log was %s', async (how, seq, reason) => {
    await using t = await office()
    const app = await t.make()
    await t.say(app.apiKey, lines('audit', [1, 2, 3, 4]))
    const db = await t.hub.openDb()
    const { logEntries } = db.tables
    await db.write(async ({ tx }) => {
      if (how === 'edited') await tx.update(logEntries).set({ payload: '7' }).where(eq(logEntries.seq, 2))
      if (how === 'deleted') await tx.delete(logEntries).where(eq(logEntries.seq, 2))
      if (how === 'cut off at the end') await tx.delete(logEntries).where(eq(logEntries.seq, 4))
      if (how !== 'swapped') return
      await tx.update(logEntries).set({ payload: '3' }).where(eq(logEntries.seq, 2))
      await tx.update(logEntries).set({ payload: '2' }).where(eq(logEntries.seq, 3))
    })
    await db.close()
    const checked = seq - 1
    expect(await check(t, app)).toEqual(found(app, { intact: false, checked, from: 1, to: checked, broken: { seq, reason } }))
  })

  test('begins where retention has cut, which is signed', async () => {
    let now = new Date('2026-11-20T12:00:00Z')
    await using t = await office({ env: { LOG_RETENTION: '1d' }, clock: { now: () => now } })
    const app = await t.make()
    await t.say(app.apiKey, lines('audit', [1, 2, 3]))
    now = new Date('2026-11-22T12:00:00Z')
    await t.say(app.apiKey, lines('audit', [4, 5]))
    await t.hub.hub.upkeep.round()
    expect(await check(t, app)).toEqual(found(app, { intact: true, checked: 2, from: 4, to: 5 }))
    expect(await t.list()).toMatchObject({ data: [{ total_logs: 2 }] })
    const db = await t.hub.openDb()
    await db.write(({ tx }) => tx.update(db.tables.logChains).set({ anchorSeq: 2 }))
    await db.close()
    const broken = { seq: 2, reason: 'where the log begins is not signed' }
    expect(await check(t, app)).toEqual(found(app, { intact: false, checked: 0, from: 0, to: 0, broken }))
  })

  test('404 for no application, 422 without one', async () => {
    await using t = await office()
    for (const query of ['', '?application_id='])
      expect(await t.root.call(`GET /api/v1/logs/verify-chain${query}`)).toEqual({
        status: 422,
        body: no('application_id is required')
      })
    for (const id of ['none', '550e8400-e29b-41d4-a716-446655440000'])
      expect(await t.root.call(`GET /api/v1/logs/verify-chain?application_id=${id}`)).toEqual({
        status: 404,
        body: no('Application not found')
      })
  })
})

describe(`an application with logs on ${databaseName}`, () => {
  test('is not deleted for good without force, and the sentence has the exact count', async () => {
    await using t = await office()
    const app = await t.make()
    await t.say(
      app.apiKey,
      lines(
        'audit',
        Array.from({ length: 147 }, (_, n) => n)
      )
    )
    await deviceSays(t, 'my-app', 'one\ntwo\nthree')
    const remove = (query = '') => t.root.call(`DELETE /api/v1/applications/${app.id}/hard-delete${query}`)
    for (const query of ['', '?force=false']) {
      expect(await remove(query)).toEqual({
        status: 400,
        body: no(
          'Cannot delete application with 150 logs. Please use soft delete instead or confirm with force=true query parameter'
        )
      })
    }
    expect(await t.list()).toMatchObject({ data: [{ total_logs: 150 }] })
    expect((await t.root.call(`DELETE /api/v1/applications/${app.id}`)).status).toBe(200)
    expect(await t.list('?include_inactive=true')).toMatchObject({ data: [{ total_logs: 150 }] })
  })

  test('goes with its log by force, and nothing else does', async () => {
    await using t = await office()
    const [app, other] = [await t.make(), await t.make({ name: 'Other', slug: 'other' })]
    await t.say(
      app.apiKey,
      lines(
        'audit',
        Array.from({ length: 2500 }, (_, n) => n)
      )
    )
    await t.say(other.apiKey, lines('audit', ['stays']))
    expect(await t.root.call(`DELETE /api/v1/applications/${app.id}/hard-delete?force=true`)).toEqual({
      status: 200,
      body: { success: true, message: `Application "${mine.name}" permanently deleted` }
    })
    expect(payloads(await read(t))).toEqual(['stays'])
    expect(await t.list('?include_inactive=true')).toMatchObject({ data: [{ slug: 'other', total_logs: 1 }] })
    const again = await t.make()
    expect(again.id).not.toBe(app.id)
    expect(await t.list()).toMatchObject({ data: [{ slug: 'other' }, { id: again.id, total_logs: 0 }] })
  })

  test('goes while its program still sends: nothing of it is left', async () => {
    await using t = await office()
    const app = await t.make()
    const sending = Promise.all(Array.from({ length: 20 }, (_, n) => t.say(app.apiKey, lines('audit', [n]))))
    expect((await t.root.call(`DELETE /api/v1/applications/${app.id}/hard-delete?force=true`)).status).toBe(200)
    for (const { status } of await sending) expect([201, 401]).toContain(status)
    expect((await read(t, `?application_id=${app.id}`)).data).toEqual([])
  })
})
