import { describe, expect, test } from 'bun:test'
import { databaseName } from '../../support/databases.ts'
import { eventsOf } from '../../support/events.ts'
import { watch, watchingHub } from '../../support/github.ts'

const repo = 'Foundry376/Mailspring'

describe(`GET /events on ${databaseName}`, () => {
  test('tells watchers of their repos: one event a change, however many watch', async () => {
    await using hub = await watchingHub()
    const ada = await hub.user('ada')
    const grace = await hub.user('grace')
    const eve = await hub.user('eve')
    const repo_id = await watch(ada)
    await watch(grace)
    hub.github.publish(repo, '1.10.9')
    await grace.call('PATCH /repos')
    hub.github.attach(repo, { name: 'late.zip', bytes: new Uint8Array(1) })
    await grace.call('PATCH /repos')
    await ada.call(`DELETE /repos/${repo_id}`)
    await eve.call('POST /teams', { name: 'last' })

    await using hers = await eventsOf(grace, '?after=0')
    expect(await hers.next()).toMatchObject({ type: 'account.created' })
    expect(await hers.next()).toMatchObject({ type: 'repo.added', data: { repo, repo_id, version: '1.10.8' } })
    expect(await hers.next()).toMatchObject({
      type: 'repo.released',
      data: { repo, repo_id, version: '1.10.9', previous: '1.10.8' }
    })
    expect(await hers.next()).toMatchObject({ type: 'repo.assets', data: { repo, repo_id, version: '1.10.9' } })

    await using adas = await eventsOf(ada, '?after=0')
    const types = [await adas.next(), await adas.next(), await adas.next()].map((event) => event?.type)
    expect(types).toEqual(['account.created', 'repo.added', 'repo.removed'])

    await using eves = await eventsOf(eve, '?after=0')
    expect([(await eves.next())?.type, (await eves.next())?.type]).toEqual(['account.created', 'team.created'])

    await using all = await eventsOf(await hub.root(), '?after=0')
    const seen: string[] = []
    for (let event = await all.next(); event && event.type !== 'team.created'; event = await all.next()) seen.push(event.type)
    expect(seen.filter((type) => type.startsWith('repo.'))).toEqual([
      'repo.added',
      'repo.added',
      'repo.released',
      'repo.assets',
      'repo.removed'
    ])
  })

  test('as it happens', async () => {
    await using hub = await watchingHub()
    const ada = await hub.user('ada')
    await watch(ada)
    await using events = await eventsOf(ada)
    hub.github.publish(repo, '1.10.9')
    await ada.call('PATCH /repos')
    expect(await events.next()).toMatchObject({ type: 'repo.released', data: { repo, version: '1.10.9' } })
  })
})
