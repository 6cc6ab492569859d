import { describe, expect, test } from 'bun:test'
import { testHub } from '../support/hub.ts'

const preflight = (origin: string) => ({
  headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'access_token, content-type' }
})

describe('browsers of another origin', () => {
  test('are let in from CORS_ORIGINS only, errors included', async () => {
    await using hub = await testHub({ env: { CORS_ORIGINS: 'https://panel.example.org, https://other.example.org' } })
    const allowed = async (route: string, origin: string) =>
      (await hub.send(route, undefined, { headers: { origin } })).headers.get('access-control-allow-origin')
    expect(await allowed('GET /health', 'https://panel.example.org')).toBe('https://panel.example.org')
    expect(await allowed('GET /me', 'https://other.example.org')).toBe('https://other.example.org')
    expect(await allowed('GET /health', 'https://evil.example.org')).toBeNull()
    const answer = await hub.send('OPTIONS /ada/devices', undefined, preflight('https://panel.example.org'))
    expect(answer.status).toBe(204)
    expect(answer.headers.get('access-control-allow-headers')).toContain('access_token')
  })

  test('are not let in when none is configured', async () => {
    await using hub = await testHub()
    const { headers } = await hub.send('GET /health', undefined, { headers: { origin: 'https://panel.example.org' } })
    expect(headers.get('access-control-allow-origin')).toBeNull()
  })
})
