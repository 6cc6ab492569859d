import { describe, expect, test } from 'bun:test'
import { databaseName } from '../../support/databases.ts'
import { testHub } from '../../support/hub.ts'
import { within } from '../../support/mqtt.ts'
import { registry, upload } from '../../support/registry.ts'

type Sender = { send(route: string): Promise<Response> }
type Seen = [type: string, data: Record<string, unknown>]

/** All events that are kept for somebody, up to one of a type. */
async function eventsUntil(who: Sender, last: string) {
  const response = await who.send('GET /events?after=0')
  const reader = (response.body as ReadableStream<Uint8Array>).getReader()
  const decoder = new TextDecoder()
  let text = ''
  while (!text.includes(`event: ${last}\n`) || !text.endsWith('\n\n'))
    text += decoder.decode((await within(reader.read(), `the event ${last}`)).value)
  await reader.cancel()
  const blocks = [...text.matchAll(/^event: (.+)\ndata: (.+)$/gm)]
  return blocks.map(([, type = '', data = '{}']): Seen => [type, JSON.parse(data)])
}

describe(`GET /events of packages on ${databaseName}`, () => {
  test('tells everybody who is signed in what is published, yanked and the latest, in order', async () => {
    await using t = await registry()
    const grace = await t.hub.user('grace')
    const { id: graceId } = (await grace.call('GET /me')).body as { id: string }
    const { id: first } = (await t.publish('1.0.0')).body as { id: string }
    const { id: second, arUploadToken: token } = await t.awaiting('1.1.0')
    await upload(t.hub, { id: second, token }, new Uint8Array(10))
    await t.ada.call(`PUT /v1/packages/${t.id}/recipes/1.1.0/yank`)
    await t.ada.call(`PUT /v1/packages/${t.id}/maintainers/${graceId}`)
    await t.ada.call(`DELETE /v1/packages/${t.id}/maintainers/${graceId}`)
    const events = await eventsUntil(grace, 'package.maintainer_removed')
    const of = { package: 'zlib', package_id: t.id, at: expect.any(String) }
    const latest = (id: string, version: string) => ({ ...of, latest: { id, version, revision: '1' } })
    expect(events.filter(([type]) => type.startsWith('package.'))).toEqual([
      ['package.created', of],
      ['package.published', { ...of, id: first, version: '1.0.0', revision: '1' }],
      ['package.latest', latest(first, '1.0.0')],
      ['package.published', { ...of, id: second, version: '1.1.0', revision: '1' }],
      ['package.latest', latest(second, '1.1.0')],
      ['package.yanked', { ...of, version: '1.1.0', yanked: true }],
      ['package.latest', latest(first, '1.0.0')],
      ['package.maintainer_set', { ...of, username: 'grace' }],
      ['package.maintainer_removed', { ...of, username: 'grace' }]
    ])
    expect(events.filter(([, data]) => data.username === 'ada')).toEqual([])
  })

  test('tells a user alone of their keys', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    const grace = await hub.user('grace')
    const { id } = (await ada.call('GET /me')).body as { id: string }
    await ada.call(`POST /v1/users/${id}/cli-keys`, { name: 'laptop' })
    await ada.call(`DELETE /v1/users/${id}/cli-keys/laptop`)
    await ada.call('POST /v1/packages', { name: 'zlib' })
    const key = { username: 'ada', key_id: expect.any(String), name: 'laptop', at: expect.any(String) }
    expect((await eventsUntil(ada, 'package.created')).slice(-3)).toEqual([
      ['cli_key.created', key],
      ['cli_key.deleted', key],
      ['package.created', expect.objectContaining({ package: 'zlib' })]
    ])
    const hers = await eventsUntil(grace, 'package.created')
    expect(hers.map(([type]) => type)).toEqual(['account.created', 'package.created'])
  })
})
