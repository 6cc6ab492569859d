import { describe, expect, test } from 'bun:test'
import { databaseName } from '../../support/databases.ts'
import { deploy, testDevice, testHub } from '../../support/hub.ts'

const lamp = { device_name: 'lamp', board: 'esp8266', tag: null }
const image = new TextEncoder().encode('an image')

const listed = {
  name: 'lamp',
  board: 'esp8266',
  status: 'new',
  tag: null,
  app: null,
  last_seen_at: null,
  deployment_id: null,
  running_id: null,
  connected: false
}

describe(`003 on ${databaseName}: /<team>/devices`, () => {
  test('GET returns all devices, by name', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    expect(await ada.call('GET /ada/devices')).toEqual({ status: 200, body: { devices: [] } })
    await ada.call('POST /ada/devices', { ...lamp, device_name: 'siren', tag: 'roof' })
    await ada.call('POST /ada/devices', lamp)
    const devices = [listed, { ...listed, name: 'siren', tag: 'roof' }]
    expect(await ada.call('GET /ada/devices')).toEqual({ status: 200, body: { devices } })
  })

  test('POST registers a device and gives its secret once', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    const answer = await ada.call('POST /ada/devices', lamp)
    expect(answer).toEqual({ status: 200, body: { device_secret: expect.stringMatching(/^[0-9a-f]{40}$/) } })
    const { device_secret: secret } = answer.body as { device_secret: string }
    expect(JSON.stringify((await ada.call('GET /ada/devices')).body)).not.toContain(secret)
  })

  test('POST takes its parameters from the query string and from forms; an empty tag is none', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    expect((await ada.call('POST /ada/devices?device_name=lamp&board=esp8266&tag=')).status).toBe(200)
    expect(
      (
        await ada.call('POST /ada/devices?board=esp8266', undefined, {
          raw: new URLSearchParams({ device_name: 'siren', tag: 'roof' })
        })
      ).status
    ).toBe(200)
    const form = new FormData()
    form.set('device_name', 'bell')
    expect((await ada.call('POST /ada/devices?board=esp8266', undefined, { raw: form })).status).toBe(200)
    const { devices } = (await ada.call('GET /ada/devices')).body as { devices: { name: string; tag: string | null }[] }
    expect(devices.map(({ name, tag }) => [name, tag])).toEqual([
      ['bell', null],
      ['lamp', null],
      ['siren', 'roof']
    ])
  })

  test('POST refuses a name already taken in the team', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    await ada.call('POST /ada/devices', lamp)
    expect(await ada.call('POST /ada/devices', lamp)).toEqual({
      status: 422,
      body: { error: 'Device already exists', reasons: ['device_name is already taken'] }
    })
  })

  test('POST lists every complaint', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    expect(await ada.call('POST /ada/devices', { device_name: '9 lives', tag: 5 })).toEqual({
      status: 422,
      body: {
        error: 'Validation failed',
        reasons: [
          'device_name must begin with a letter and have at most 64 letters, digits, - and _',
          'board is required',
          'tag must be null or a text of at most 64 characters'
        ]
      }
    })
  })

  test('DELETE deletes a device; its secret ends at once', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    const { secret } = await testDevice(ada, 'lamp')
    expect(await ada.call('DELETE /ada/devices/lamp')).toEqual({ status: 200, body: {} })
    expect(await ada.call('DELETE /ada/devices/lamp')).toEqual({ status: 404, body: { error: 'Device not found', reasons: [] } })
    expect((await hub.call(`PUT /devices/${secret}/heartbeat?status=ready`)).status).toBe(404)
  })

  test('POST of a device updates what is given and leaves the rest', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    await testDevice(ada, 'lamp', { tag: 'roof' })
    expect(await ada.call('POST /ada/devices/lamp', { board: 'esp8266' })).toEqual({ status: 200, body: {} })
    const tag = async () => ((await ada.call('GET /ada/devices')).body as { devices: { tag: string | null }[] }).devices[0]?.tag
    expect(await tag()).toBe('roof')
    await ada.call('POST /ada/devices/lamp', { tag: null })
    expect(await tag()).toBeNull()
    await ada.call('POST /ada/devices/lamp?tag=cellar')
    expect(await tag()).toBe('cellar')
    expect(await ada.call('POST /ada/devices/lamp', { board: 'abacus' })).toEqual({
      status: 422,
      body: { error: 'Validation failed', reasons: ['board must be esp8266'] }
    })
    expect((await ada.call('POST /ada/devices/ghost', { tag: null })).status).toBe(404)
  })

  test.each(['relauch', 'relaunch'])('PUT …/%s restarts the app on the device', async (spelling) => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    const { secret } = await testDevice(ada, 'lamp')
    const beat = async () => (await hub.call(`PUT /devices/${secret}/heartbeat?status=running`)).body
    expect(await ada.call(`PUT /ada/devices/lamp/${spelling}`)).toEqual({ status: 200, body: {} })
    await ada.call(`PUT /ada/devices/lamp/${spelling}`)
    expect(await beat()).toBe('R')
    expect(await beat()).toBe('X')
    expect((await ada.call(`PUT /ada/devices/ghost/${spelling}`)).status).toBe(404)
  })

  test('a device silent for DEVICE_DOWN_AFTER is listed as down', async () => {
    let now = new Date('2026-11-20T12:00:00Z')
    await using hub = await testHub({ env: { DEVICE_DOWN_AFTER: '3m' }, clock: { now: () => now } })
    const ada = await hub.user('ada')
    const { secret } = await testDevice(ada, 'lamp')
    await testDevice(ada, 'never-seen')
    await hub.call(`PUT /devices/${secret}/heartbeat?status=running`)
    const statuses = async () =>
      ((await ada.call('GET /ada/devices')).body as { devices: { status: string }[] }).devices.map(({ status }) => status)
    now = new Date('2026-11-20T12:03:00Z')
    expect(await statuses()).toEqual(['running', 'new'])
    now = new Date('2026-11-20T12:03:01Z')
    expect(await statuses()).toEqual(['down', 'new'])
  })
})

describe(`003 on ${databaseName}: /<team>/apps`, () => {
  test('POST creates, GET returns all, DELETE deletes', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    expect(await ada.call('POST /ada/apps', { app_name: 'blinker' })).toEqual({ status: 200, body: {} })
    await ada.call('POST /ada/apps?app_name=alarm')
    const applications = [{ name: 'alarm' }, { name: 'blinker' }]
    expect(await ada.call('GET /ada/apps')).toEqual({ status: 200, body: { applications } })
    expect(await ada.call('DELETE /ada/apps/alarm')).toEqual({ status: 200, body: {} })
    expect(await ada.call('DELETE /ada/apps/alarm')).toEqual({
      status: 404,
      body: { error: 'Application not found', reasons: [] }
    })
    expect((await ada.call('GET /ada/apps')).body).toEqual({ applications: [{ name: 'blinker' }] })
  })

  test('POST answers a validation error with 404, as the document says', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    expect(await ada.call('POST /ada/apps', {})).toEqual({
      status: 404,
      body: { error: 'Validation failed', reasons: ['app_name is required'] }
    })
    await ada.call('POST /ada/apps', { app_name: 'blinker' })
    expect(await ada.call('POST /ada/apps', { app_name: 'blinker' })).toEqual({
      status: 404,
      body: { error: 'Application already exists', reasons: ['app_name is already taken'] }
    })
  })

  test.each(['deivce_name', 'device_name'])('POST …/devices associates a device named by %s', async (field) => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    await testDevice(ada, 'lamp')
    await ada.call('POST /ada/apps', { app_name: 'blinker' })
    expect(await ada.call('POST /ada/apps/blinker/devices', { [field]: 'lamp' })).toEqual({ status: 200, body: {} })
    expect((await ada.call('GET /ada/devices')).body).toMatchObject({ devices: [{ app: 'blinker' }] })
    expect(await ada.call('POST /ada/apps/blinker/devices', { [field]: 'ghost' })).toEqual({
      status: 404,
      body: { error: 'Device not found', reasons: [] }
    })
    expect(await ada.call('POST /ada/apps/ghost/devices', { [field]: 'lamp' })).toMatchObject({
      status: 404,
      body: { error: 'Application not found' }
    })
    expect(await ada.call('POST /ada/apps/blinker/devices', {})).toMatchObject({
      status: 422,
      body: { reasons: ['device_name is required'] }
    })
  })

  test('deleting an application leaves its devices without one', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    const { secret } = await testDevice(ada, 'lamp', { app: 'blinker' })
    await deploy(ada, 'blinker', image)
    await ada.call('DELETE /ada/apps/blinker')
    expect((await hub.call(`PUT /devices/${secret}/heartbeat?status=ready`)).body).toBe('X')
    expect((await ada.call('GET /ada/devices')).body).toMatchObject({ devices: [{ app: null, deployment_id: null }] })
  })
})

describe(`003 on ${databaseName}: device log`, () => {
  test('pages from a cursor and from a time', async () => {
    let now = new Date('2026-11-20T12:00:00Z')
    await using hub = await testHub({ clock: { now: () => now } })
    const ada = await hub.user('ada')
    const { secret } = await testDevice(ada, 'lamp')
    const beat = (text: string) => hub.call(`PUT /devices/${secret}/heartbeat?status=ready`, undefined, { raw: text })
    await beat('one\ntwo\n')
    now = new Date('2026-11-20T12:01:00Z')
    await beat('three')
    const log = async (query: string) =>
      (await ada.call(`GET /ada/devices/lamp/log${query}`)).body as { log: object[]; next: string }
    const [early, late] = ['2026-11-20T12:00:00.000Z', '2026-11-20T12:01:00.000Z']
    const all = await log('')
    expect(all.log).toEqual([
      { at: early, line: 'one' },
      { at: early, line: 'two' },
      { at: late, line: 'three' }
    ])
    expect(await log(`?since=${all.next}`)).toEqual({ log: [], next: all.next })
    expect((await log(`?since=${late}`)).log).toEqual([{ at: late, line: 'three' }])
    await beat('four')
    expect((await log(`?since=${all.next}`)).log).toEqual([{ at: late, line: 'four' }])
    expect(await ada.call('GET /ada/devices/lamp/log?since=yesterday')).toMatchObject({ status: 422 })
    expect(await ada.call('GET /ada/devices/ghost/log')).toMatchObject({ status: 404 })
  })

  test('with follow=true streams what is there and what comes', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    const { secret } = await testDevice(ada, 'lamp')
    const beat = (text: string) => hub.call(`PUT /devices/${secret}/heartbeat?status=ready`, undefined, { raw: text })
    await beat('before')
    const response = await ada.send('GET /ada/devices/lamp/log?follow=true')
    expect(response.headers.get('content-type')).toBe('text/plain; charset=utf-8')
    const reader = (response.body as ReadableStream<Uint8Array>).getReader()
    const next = async () => new TextDecoder().decode((await reader.read()).value)
    expect(await next()).toBe('before\n')
    await beat('after\nmore')
    expect(await next()).toBe('after\nmore\n')
    await ada.call('DELETE /ada/devices/lamp')
    await reader.cancel()
  })

  test('with follow=true ends for whoever may no longer read', async () => {
    await using hub = await testHub()
    const [ada, eve] = [await hub.user('ada'), await hub.user('eve')]
    await ada.call('POST /teams', { name: 'acme' })
    await ada.call('PUT /teams/acme/members/eve', { role: 'viewer' })
    const made = await ada.call('POST /acme/devices', { device_name: 'lamp', board: 'esp8266' })
    const { device_secret: secret } = made.body as { device_secret: string }
    const beat = (text: string) => hub.call(`PUT /devices/${secret}/heartbeat?status=ready`, undefined, { raw: text })
    await beat('before')
    const reader = (await eve.send('GET /acme/devices/lamp/log?follow=true')).body?.getReader()
    expect(new TextDecoder().decode((await reader?.read())?.value)).toBe('before\n')
    await ada.call('DELETE /teams/acme/members/eve')
    await beat('after')
    expect((await reader?.read())?.done).toBe(true)
  })
})
