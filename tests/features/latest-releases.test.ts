import { describe, expect, test } from 'bun:test'
import { databaseName } from '../support/databases.ts'
import { failureOf } from '../support/failure.ts'
import { heardOn, pollingHub, watch, watchList } from '../support/github.ts'
import { noticed } from '../support/mqtt.ts'

const fullName = 'Foundry376/Mailspring'

describe(`what GitHub says, on ${databaseName}`, () => {
  test('of two who ask at once with tokens of their own, one is the first to tell', async () => {
    await using t = await pollingHub()
    const heard = heardOn(t)
    const tokens = ['ghp_1', 'ghp_2', 'ghp_3', 'ghp_4']
    for (const token of tokens) t.github.accept(token)
    t.github.publish(fullName, '1.10.9')
    const told = noticed(t, 'repo.released')
    const check = (token: string) => t.ada.call('PATCH /repos', undefined, { headers: { authorization: token } })
    await Promise.all(tokens.map(check))
    await told
    const ended = noticed(t, 'repo.removed')
    await t.ada.call(`DELETE /repos/${(await watchList(t.ada))[0]?._id}`)
    await ended
    expect(heard).toEqual([
      ['repo.released', '1.10.9'],
      ['repo.removed', undefined]
    ])
  })

  test('an answer that comes late changes nothing that is newer', async () => {
    await using t = await pollingHub()
    for (const token of ['ghp_slow', 'ghp_quick']) t.github.accept(token)
    const asked = Promise.withResolvers<void>()
    const gate = Promise.withResolvers<void>()
    t.github.answer(({ headers }) => {
      if (headers.get('authorization') !== 'Bearer ghp_slow') return undefined
      asked.resolve()
      return gate.promise.then(() => Response.json({ tag_name: '1.10.7', assets: [] }))
    })
    const check = (token: string) => t.ada.call('PATCH /repos', undefined, { headers: { authorization: token } })
    const slow = check('ghp_slow')
    await asked.promise
    t.later(1)
    t.github.publish(fullName, '1.10.9')
    await check('ghp_quick')
    gate.resolve()
    expect((await slow).status).toBe(200)
    expect(await watchList(t.ada)).toMatchObject([{ latestVersion: '1.10.9' }])
  })

  test('a release and what is done with it are one transaction', async () => {
    await using t = await pollingHub()
    t.github.publish('many/other', '1')
    await watch(t.ada, { name: 'other', ownerName: 'many' })
    const done: string[] = []
    let fails = true
    t.hub.repos.onRelease(async (_change, { version }) => {
      done.push(version)
      if (fails && version === '1.10.9') throw new Error('not now')
    })
    const heard = heardOn(t)
    t.github.publish(fullName, '1.10.9')
    t.github.publish('many/other', '2')
    t.later(17)
    const other = noticed(t, 'repo.released')
    expect(await failureOf(t.round())).toHaveProperty('message', 'not now')
    await other
    expect(await watchList(t.ada)).toMatchObject([{ latestVersion: '1.10.8' }, { latestVersion: '2' }])
    fails = false
    const told = noticed(t, 'repo.released')
    await t.round()
    await told
    expect(await watchList(t.ada)).toMatchObject([{ latestVersion: '1.10.9' }, { latestVersion: '2' }])
    expect(done.toSorted()).toEqual(['1.10.9', '1.10.9', '2'])
    expect(heard).toEqual([
      ['repo.released', '2'],
      ['repo.released', '1.10.9']
    ])
  })

  test('a watcher is up to date with what is said to be done, and the others are as they were', async () => {
    await using t = await pollingHub()
    const grace = await t.user('grace')
    await watch(grace)
    const { id: userId } = await t.hub.accounts.callerOf(t.ada.token)
    t.hub.repos.onRelease(async (change, released) => {
      await t.hub.repos.setCurrentVersion(change, { userId, ...released })
    })
    t.github.publish(fullName, '1.10.9')
    await grace.call('PATCH /repos')
    expect(await watchList(t.ada)).toMatchObject([{ currentVersion: '1.10.9' }])
    expect(await watchList(grace)).toMatchObject([{ currentVersion: '1.10.8' }])
  })
})
