import { describe, expect, test } from 'bun:test'
import { openBeside } from '../../src/db/open.ts'
import { createNotices } from '../../src/features/notices/service.ts'
import { systemClock as clock } from '../../src/lib/clock.ts'
import { testHub } from '../support/hub.ts'

describe('what an operator’s command commits beside a hub', () => {
  test('is told by the hub as what it commits itself', async () => {
    await using hub = await testHub()
    const { config, log, notices } = hub.hub
    const told = Promise.withResolvers<unknown>()
    notices.listen((notice) => {
      if (notice.type === 'account.password') told.resolve(notice.data)
    })
    const beside = await openBeside(config)
    const others = createNotices({ db: beside, clock, log })
    await beside.write((change) => others.record(change, { type: 'account.password', data: { username: 'ada' } }))
    expect(await told.promise).toEqual({ username: 'ada' })
    await beside.close()
  })
})
