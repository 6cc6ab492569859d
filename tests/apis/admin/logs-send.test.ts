import { describe, expect, test } from 'bun:test'
import { onOneHub } from '../../support/balanced.ts'
import { databaseName } from '../../support/databases.ts'
import { type Made, no, office } from '../../support/office.ts'

type Office = Awaited<ReturnType<typeof office>>

const audit = (payload: unknown) => JSON.stringify({ log_type: 'audit', payload })
const counted = (accepted: number) => (accepted === 1 ? '1 entry stored' : `${accepted} entries stored`)
const answer = (accepted: number, rejected: object[] = [], message = counted(accepted)) => ({
  status: 201,
  body: { success: true, message, data: { accepted, rejected } }
})
const limits = { apiKey: { points: 3, duration: 60 } }

/** The payloads in the log of an application, oldest first, as the text that they were answered as. */
async function payloadsOf({ root }: Office, { id }: Made) {
  const text = await (await root.send(`GET /api/v1/logs?limit=500&application_id=${id}`)).text()
  return [...text.matchAll(/"payload":(.*?),"createdAt"/g)].map(([, payload = '']) => payload).toReversed()
}

describe(`POST /api/v1/logs on ${databaseName}`, () => {
  test('stores one entry, and keeps its payload to the letter', async () => {
    await using t = await office()
    const app = await t.make()
    const payloads = [
      '{ "n": 1.50, "big": 12345678901234567890,\t"a":"\\u00e9\\u0000" }',
      '"text"',
      '7e2',
      'null',
      '[ ]',
      'false',
      '""'
    ]
    for (const payload of payloads) {
      const raw = `{"payload":${payload},"log_type":"audit","colour":"red"}`
      const headers = { 'x-api-key': app.apiKey, 'content-type': 'application/json' }
      expect(await t.hub.call('POST /api/v1/logs', undefined, { raw, headers })).toEqual(answer(1))
    }
    expect(await payloadsOf(t, app)).toEqual(payloads)
    const curl = { 'x-api-key': app.apiKey, 'content-type': 'application/x-www-form-urlencoded' } // what curl -d says
    expect(await t.hub.call('POST /api/v1/logs', undefined, { raw: audit(1), headers: curl })).toEqual(answer(1))
  })

  test('stores lines of JSON; broken ones among them are told by number and lose no other', async () => {
    await using t = await office()
    const app = await t.make()
    const lines = [
      audit('first'),
      '{"log_type":"audit","payload":',
      `${audit('third')}\r`,
      '',
      '{"payload":"no type"}',
      '{"log_type":"audit"}',
      '[]',
      '{"log_type":"device","payload":1}',
      '{"log_type":"Device","payload":1}',
      '{"log_type":"no name","payload":1}',
      '{"log_type":7,"payload":1}',
      audit('last')
    ]
    const rejected = [
      { line: 2, message: 'The entry is not valid JSON' },
      { line: 5, message: 'log_type is required' },
      { line: 6, message: 'payload is required' },
      { line: 7, message: 'The entry must be a JSON object' },
      { line: 8, message: 'log_type device is for what devices say' },
      { line: 9, message: 'log_type device is for what devices say' },
      { line: 10, message: 'log_type must begin with a letter and have at most 64 letters, digits and _ . : -' },
      { line: 11, message: 'log_type must begin with a letter and have at most 64 letters, digits and _ . : -' }
    ]
    expect(await t.say(app.apiKey, lines.join('\n'))).toEqual(answer(3, rejected, '3 entries stored, 8 rejected'))
    expect(await payloadsOf(t, app)).toEqual(['"first"', '"third"', '"last"'])
  })

  test('a line that is no UTF-8 is rejected, not mended', async () => {
    await using t = await office()
    const app = await t.make()
    const raw = Buffer.concat([
      Buffer.from('{"log_type":"audit","payload":"'),
      Buffer.from([0xff]),
      Buffer.from(`"}\n${audit('good')}`)
    ])
    const headers = { 'x-api-key': app.apiKey, 'content-type': 'application/x-ndjson; charset=utf-8' }
    expect(await t.hub.call('POST /api/v1/logs', undefined, { raw, headers })).toEqual(
      answer(1, [{ line: 1, message: 'The entry is not valid UTF-8' }], '1 entry stored, 1 rejected')
    )
  })

  test('an entry over 64 KiB is refused, among others too', async () => {
    await using t = await office()
    const app = await t.make()
    const fits = audit('x'.repeat(64 * 1024 - audit('').length))
    const over = audit('x'.repeat(64 * 1024 - audit('').length + 1))
    expect([fits.length, over.length]).toEqual([65_536, 65_537])
    const tooLarge = { line: 2, message: 'The entry has more than 65536 bytes' }
    const lines = [fits, over, audit('small'), audit('x'.repeat(300_000)), audit('last')].join('\n')
    expect(await t.say(app.apiKey, lines)).toEqual(
      answer(3, [tooLarge, { ...tooLarge, line: 4 }], '3 entries stored, 2 rejected')
    )
    const headers = { 'x-api-key': app.apiKey, 'content-type': 'application/json' }
    for (const raw of [over, new Response(over).body])
      expect(await t.hub.call('POST /api/v1/logs', undefined, { raw, headers })).toEqual({
        status: 413,
        body: no('The body may have at most 65536 bytes')
      })
    expect(await t.list()).toMatchObject({ data: [{ total_logs: 3 }] })
  })

  test('tells of a hundred bad lines, and counts them all', async () => {
    await using t = await office()
    const app = await t.make()
    const { body } = await t.say(app.apiKey, `${'nonsense\n'.repeat(2000)}${audit('good')}`)
    expect(body).toMatchObject({ message: '1 entry stored, 2000 rejected', data: { accepted: 1 } })
    const { rejected } = (body as { data: { rejected: { line: number }[] } }).data
    expect(rejected.map(({ line }) => line)).toEqual(Array.from({ length: 100 }, (_, n) => n + 1))
  })

  test('422 where not one line is an entry', async () => {
    await using t = await office()
    const { apiKey } = await t.make()
    const says = (message: string) => ({ status: 422, body: no(message) })
    expect(await t.say(apiKey, 'a\nb\n')).toEqual(says('None of 2 entries could be stored; line 1: The entry is not valid JSON'))
    expect(await t.say(apiKey, '')).toEqual(says('The body holds no entries'))
    expect(await t.say(apiKey, '\n\r\n\n')).toEqual(says('The body holds no entries'))
    const headers = { 'x-api-key': apiKey, 'content-type': 'application/json' }
    const singles: [string, string][] = [
      ['', 'The entry is not valid JSON'],
      ['[]', 'The entry must be a JSON object'],
      [`${audit(1)} ${audit(2)}`, 'The entry is not valid JSON'],
      ['{"payload":1}', 'log_type is required'],
      ['{"log_type":"","payload":1}', 'log_type is required'],
      ['{"log_type":"audit"}', 'payload is required']
    ]
    for (const [raw, message] of singles)
      expect(await t.hub.call('POST /api/v1/logs', undefined, { raw, headers })).toEqual(says(message))
  })

  test('takes tens of thousands of lines in one request, in pieces of any size, in their order', async () => {
    await using t = await office()
    const app = await t.make()
    const bytes = Buffer.from(Array.from({ length: 20_000 }, (_, n) => audit({ n })).join('\n'))
    let at = 0
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        if (at >= bytes.length) return controller.close()
        const size = 1 + ((at * 7919) % 50_000)
        controller.enqueue(bytes.subarray(at, at + size))
        at += size
      }
    })
    expect(await t.say(app.apiKey, body)).toEqual(answer(20_000))
    expect(await t.list()).toMatchObject({ data: [{ total_logs: 20_000 }] })
    const last = Array.from({ length: 500 }, (_, n) => `{"n":${19_500 + n}}`)
    expect(await payloadsOf(t, app)).toEqual(last)
    expect(await t.root.call(`GET /api/v1/logs/verify-chain?application_id=${app.id}`)).toMatchObject({
      body: { data: { intact: true, checked: 20_000 } }
    })
  })

  test('many requests at once lose nothing, and keep their own order', async () => {
    await using t = await office()
    const app = await t.make()
    const texts = Array.from({ length: 8 }, (_, who) => Array.from({ length: 50 }, (_, n) => audit(`${who} ${n}`)).join('\n'))
    const answers = await Promise.all([
      ...texts.map((text) => t.say(app.apiKey, text)),
      t.say(app.apiKey, { log_type: 'x', payload: 1 })
    ])
    expect(answers.every(({ status }) => status === 201)).toBe(true)
    const said = (await payloadsOf(t, app)).map(String)
    expect(said).toHaveLength(401)
    const ofThree = said.filter((payload) => payload.startsWith('"3 '))
    expect(ofThree).toEqual(Array.from({ length: 50 }, (_, n) => `"3 ${n}"`))
  })
})

describe(`POST /api/v1/logs on ${databaseName}: whose key it is`, () => {
  const hello = { log_type: 'audit', payload: 'hello' }
  const lines = `${audit('one')}\n${audit('two')}\n`

  test('401 without a key, with a wrong one, with a token; a wrong one among good headers too', async () => {
    await using t = await office()
    const { apiKey } = await t.make()
    const noKey = { status: 401, body: no('Authentication required. Provide API key via X-API-Key header') }
    const wrong = { status: 401, body: no('Invalid API key') }
    for (const entry of [hello, lines, 'nonsense']) {
      expect(await t.say('', entry)).toEqual(noKey)
      for (const key of [`${apiKey}x`, apiKey.slice(0, -1), apiKey.toLowerCase(), 'app_', "'", t.root.token])
        expect(await t.say(key, entry)).toEqual(wrong)
    }
    expect(await t.root.call('POST /api/v1/logs', hello)).toEqual(noKey)
    expect(await t.list()).toMatchObject({ data: [{ total_logs: 0 }] })
  })

  test('a key of another application logs for that one only', async () => {
    await using t = await office()
    const [mine, other] = [await t.make(), await t.make({ name: 'Other', slug: 'other' })]
    expect(await t.say(other.apiKey, { ...hello, application_id: mine.id })).toEqual(answer(1))
    expect(await t.list()).toMatchObject({ data: [{ total_logs: 0 }, { slug: 'other', total_logs: 1 }] })
  })

  test('403 for that of an inactive application, until it is active again', async () => {
    await using t = await office()
    const { id, apiKey } = await t.make()
    await t.root.call(`DELETE /api/v1/applications/${id}`)
    for (const entry of [hello, lines])
      expect(await t.say(apiKey, entry)).toEqual({ status: 403, body: no('Application is inactive') })
    await t.root.call(`PUT /api/v1/applications/${id}`, { isActive: true })
    expect(await t.say(apiKey, hello)).toEqual(answer(1))
  })

  test('401 for one that was regenerated, and for that of an application that is gone', async () => {
    await using t = await office()
    const { id, apiKey } = await t.make()
    const renewed = ((await t.root.call(`POST /api/v1/applications/${id}/regenerate-key`)).body as { data: Made }).data.apiKey
    const wrong = { status: 401, body: no('Invalid API key') }
    for (const entry of [hello, lines]) expect(await t.say(apiKey, entry)).toEqual(wrong)
    expect(await t.say(renewed, hello)).toEqual(answer(1))
    await t.root.call(`DELETE /api/v1/applications/${id}/hard-delete?force=true`)
    expect(await t.say(renewed, hello)).toEqual(wrong)
  })

  onOneHub(
    'a key that is regenerated while its lines still come is refused from there on, with how many were stored',
    async () => {
      await using t = await office()
      const { id, apiKey } = await t.make()
      let feed: ReadableStreamDefaultController<Uint8Array> | undefined
      const body = new ReadableStream<Uint8Array>({ start: (controller) => void (feed = controller) })
      const stored = new Promise<void>((resolve) => t.hub.hub.logs.listen(() => resolve()))
      const answered = t.say(apiKey, body)
      feed?.enqueue(Buffer.from(lines))
      await stored
      await t.root.call(`POST /api/v1/applications/${id}/regenerate-key`)
      feed?.enqueue(Buffer.from(lines))
      feed?.close()
      expect(await answered).toEqual({ status: 401, body: no('Invalid API key; 2 entries were stored before') })
      expect(await t.list()).toMatchObject({ data: [{ total_logs: 2 }] })
    }
  )

  onOneHub('wrong keys are limited by address; a right one is never held up', async () => {
    await using t = await office({ limits })
    const { apiKey } = await t.make()
    for (let n = 0; n < limits.apiKey.points; n++) expect((await t.say('app_none', hello)).status).toBe(401)
    expect(await t.say('app_none', hello)).toEqual({ status: 429, body: no('Too many attempts, try again later') })
    expect(await t.say(apiKey, hello)).toEqual(answer(1))
  })

  test('the key and what was said are never in the hub’s own log', async () => {
    await using t = await office({ env: { LOG_LEVEL: 'trace' } })
    const { apiKey } = await t.make()
    await t.say(apiKey, { log_type: 'audit', payload: 'a private word' })
    await t.say(`${apiKey}x`, hello)
    expect(t.hub.logged()).toContain('/api/v1/logs')
    for (const hidden of [apiKey, 'a private word']) expect(t.hub.logged()).not.toContain(hidden)
  })
})
