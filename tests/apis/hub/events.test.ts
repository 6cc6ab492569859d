import { describe, expect, test } from 'bun:test'
import { databaseName } from '../../support/databases.ts'
import { type Event, eventsOf } from '../../support/events.ts'
import { type TestHub, testHub } from '../../support/hub.ts'

const addDevice = (who: { call: TestHub['call'] }, name: string) =>
  who.call('POST /ada/devices', { device_name: name, board: 'esp8266' })

describe(`GET /events on ${databaseName}`, () => {
  test('tells what changes from now on', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    await addDevice(ada, 'before')
    await using events = await eventsOf(ada)
    expect(events.response.headers.get('content-type')).toBe('text/event-stream')
    await addDevice(ada, 'after')
    expect(await events.next()).toMatchObject({
      type: 'device.registered',
      data: { team: 'ada', device: 'after', board: 'esp8266', tag: null }
    })
  })

  test('replays from a number on, then goes on live, with nothing twice and nothing left out', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    for (let n = 0; n < 20; n++) await addDevice(ada, `lamp-${n}`)
    await using events = await eventsOf(ada, '?after=0')
    const more = Promise.all(Array.from({ length: 20 }, (_, n) => addDevice(ada, `siren-${n}`)))
    const seen: Event[] = []
    while (seen.filter(({ type }) => type === 'device.registered').length < 40) seen.push((await events.next()) as Event)
    await more
    const ids = seen.map(({ id }) => id)
    expect(ids).toEqual(ids.toSorted((a, b) => a - b))
    expect(new Set(seen.map(({ data }) => data.device)).size).toBe(41) // and the account, which is no device
    await using again = await eventsOf(ada, '?after=0', { 'last-event-id': String(ids.at(-2)) })
    expect(await again.next()).toEqual(seen.at(-1))
  })

  test('shows a user their teams’ events only, and an administrator all', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    const grace = await hub.user('grace')
    await addDevice(ada, 'lamp')
    await grace.call('POST /grace/devices', { device_name: 'bell', board: 'esp8266' })
    await using hers = await eventsOf(grace, '?after=0')
    expect(await hers.next()).toMatchObject({ type: 'account.created', data: { username: 'grace' } })
    expect(await hers.next()).toMatchObject({ type: 'device.registered', data: { device: 'bell' } })
    await using all = await eventsOf(await hub.root(), '?after=0')
    const types = [await all.next(), await all.next(), await all.next(), await all.next(), await all.next()].map(
      (event) => event?.type
    )
    expect(types).toEqual(['account.created', 'account.created', 'account.created', 'device.registered', 'device.registered'])
  })

  test('goes on across a restart of the hub by Last-Event-ID', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    await using events = await eventsOf(ada, '?after=0')
    const first = await events.next()
    await addDevice(ada, 'lamp')
    await using later = await eventsOf(ada, '', { 'last-event-id': String(first?.id) })
    expect(await later.next()).toMatchObject({ type: 'device.registered' })
  })

  test('ends when the account does', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    await using events = await eventsOf(ada)
    await ada.call('DELETE /auth')
    expect(await events.next()).toBeUndefined()
  })

  test('says so when what is asked for is no longer kept', async () => {
    let now = new Date('2026-11-20T12:00:00Z')
    await using hub = await testHub({ env: { LOG_RETENTION: '1d' }, clock: { now: () => now } })
    const ada = await hub.user('ada')
    await addDevice(ada, 'old')
    now = new Date('2026-11-22T12:00:00Z')
    await addDevice(ada, 'new')
    await hub.hub.upkeep.round()
    await using events = await eventsOf(ada, '?after=1')
    expect(await events.next()).toMatchObject({ type: 'gap', data: { after: 1 } })
    expect(await events.next()).toMatchObject({ type: 'device.registered', data: { device: 'new' } })
  })

  test('refuses a number that is none, and anonymous callers', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    expect(await ada.call('GET /events?after=yesterday')).toEqual({
      status: 400,
      body: { message: 'after must be the id of an event' }
    })
    expect((await hub.call('GET /events')).status).toBe(401)
  })

  test('shows no secret', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    const { body } = await addDevice(ada, 'lamp')
    await using events = await eventsOf(ada, '?after=0')
    const text = JSON.stringify([await events.next(), await events.next()])
    expect(text).toContain('lamp')
    expect(text).not.toContain((body as { device_secret: string }).device_secret)
    expect(text).not.toContain(ada.token)
  })
})
