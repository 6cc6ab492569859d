import { describe, expect, test } from 'bun:test'
import type { Notice } from '../../src/features/notices/kinds.ts'
import { databaseName } from '../support/databases.ts'
import { testHub } from '../support/hub.ts'
import { within } from '../support/mqtt.ts'

describe(`notices on ${databaseName}`, () => {
  test('are told after the commit, each once, in the order of their numbers, whoever writes at the same time', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    const team = await hub.hub.teams.access(((await ada.call('GET /me')).body as { id: string }).id, 'ada', 'write')
    const told: Notice[] = []
    const { promise, resolve } = Promise.withResolvers<void>()
    hub.hub.notices.listen((notice) => {
      told.push(notice)
      if (told.length === 200) resolve()
    })
    const names = Array.from({ length: 200 }, (_, n) => `lamp-${n}`)
    await Promise.all(names.map((name) => hub.hub.devices.register(team, { name, board: 'esp8266', tag: null })))
    await within(promise, '200 notices', 20_000)
    const seqs = told.map(({ seq }) => seq)
    expect(seqs).toEqual(seqs.toSorted((a, b) => a - b))
    expect(new Set(told.map((notice) => (notice.data as { device: string }).device))).toEqual(new Set(names))
  })

  test('what fails tells nothing', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    const lamp = { device_name: 'lamp', board: 'esp8266' }
    const told: string[] = []
    const { promise, resolve } = Promise.withResolvers<void>()
    hub.hub.notices.listen(({ type }) => {
      told.push(type)
      if (type === 'device.deleted') resolve()
    })
    await ada.call('POST /ada/devices', lamp)
    await ada.call('POST /ada/devices', lamp)
    await ada.call('DELETE /ada/devices/lamp')
    await within(promise, 'the last notice')
    expect(told).toEqual(['device.registered', 'device.deleted'])
  })

  test('a listener that throws keeps none from the others', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    const { promise, resolve } = Promise.withResolvers<void>()
    hub.hub.notices.listen(() => {
      throw new Error('clumsy')
    })
    hub.hub.notices.listen(() => resolve())
    await ada.call('POST /ada/devices', { device_name: 'lamp', board: 'esp8266' })
    await within(promise, 'the notice')
    expect(hub.logged()).toContain('a listener failed on a notice')
  })
})
