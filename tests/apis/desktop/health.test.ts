import { describe, expect, test } from 'bun:test'
import { onOneHub } from '../../support/balanced.ts'
import { databaseName } from '../../support/databases.ts'
import { testHub } from '../../support/hub.ts'

describe(`000 on ${databaseName}: GET /health`, () => {
  test('{} when all is well', async () => {
    await using hub = await testHub()
    expect(await hub.call('GET /health')).toEqual({ status: 200, body: {} })
  })

  onOneHub('503 when the broker does not pass on a message within a second', async () => {
    await using hub = await testHub()
    hub.hub.setBrokerCheck(() => new Promise(() => {}))
    const answer = await hub.send('GET /health')
    expect(answer.status).toBe(503)
    expect(await answer.json()).toEqual({ message: 'The broker does not pass on messages' })
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
  })

  onOneHub('503 when the broker has stopped', async () => {
    await using hub = await testHub()
    await hub.broker.stop()
    expect((await hub.call('GET /health')).status).toBe(503)
  })
})
