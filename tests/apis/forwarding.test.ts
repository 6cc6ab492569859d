import { expect, test } from 'bun:test'
import { describeOnOneHub } from '../support/balanced.ts'
import { password, type TestHub, testHub } from '../support/hub.ts'

const once = { registration: { points: 1, duration: 600 } }
let users = 0

/** Registers somebody anew; 429 where the address has had its share. */
async function register(hub: TestHub, headers: Record<string, string>) {
  const name = `user${++users}`
  const body = { name, email: `${name}@example.org`, password, password_confirmation: password }
  return (await hub.call('POST /auth', body, { headers })).status
}

const from = (addresses: string) => ({ 'x-forwarded-for': addresses })

describeOnOneHub('behind a proxy', () => {
  test('an address is that of whoever the proxy has passed on', async () => {
    await using hub = await testHub({ limits: once, env: { TRUSTED_PROXIES: '127.0.0.1, 10.0.0.0/8' } })
    expect(await register(hub, from('203.0.113.1'))).toBe(200)
    expect(await register(hub, from('203.0.113.1'))).toBe(429)
    expect(await register(hub, from('203.0.113.2'))).toBe(200)
    // What a client has written itself stands further left.
    expect(await register(hub, from('203.0.113.3, 203.0.113.2'))).toBe(429)
    expect(await register(hub, from('203.0.113.2, 203.0.113.4, 10.1.2.3'))).toBe(200)
    expect(await register(hub, from('203.0.113.4:4711, 10.3.2.1'))).toBe(429)
    expect(await register(hub, from('[2001:db8::1]:443'))).toBe(200)
    expect(await register(hub, from('2001:db8::2'))).toBe(429) // of the same network
  })

  test('what is no address is not passed over: the one behind it counts', async () => {
    await using hub = await testHub({ limits: once, env: { TRUSTED_PROXIES: '127.0.0.1' } })
    expect(await register(hub, from('203.0.113.1, unknown'))).toBe(200)
    expect(await register(hub, from('203.0.113.2, ""'))).toBe(429)
    expect(await register(hub, {})).toBe(429)
  })

  test('nobody else is believed, and Forwarded by nobody', async () => {
    await using direct = await testHub({ limits: once })
    await using other = await testHub({ limits: once, env: { TRUSTED_PROXIES: '10.0.0.0/8' } })
    await using hub = await testHub({ limits: once, env: { TRUSTED_PROXIES: '127.0.0.1' } })
    for (const one of [direct, other]) {
      expect(await register(one, from('203.0.113.1'))).toBe(200)
      expect(await register(one, from('203.0.113.2'))).toBe(429)
    }
    expect(await register(hub, { forwarded: 'for=203.0.113.1' })).toBe(200)
    expect(await register(hub, { forwarded: 'for=203.0.113.2' })).toBe(429)
  })

  test('a device that asks in front of Elysia is counted by its own address', async () => {
    const limits = { deviceSecret: { points: 1, duration: 60 } }
    await using hub = await testHub({ limits, env: { TRUSTED_PROXIES: '127.0.0.1' } })
    const ask = async (address: string) => {
      const route = `PUT /devices/${'0'.repeat(40)}/heartbeat?status=running`
      return (await hub.call(route, undefined, { headers: from(address) })).status
    }
    expect([await ask('203.0.113.1'), await ask('203.0.113.1'), await ask('203.0.113.2')]).toEqual([404, 429, 404])
  })

  test.each<[Record<string, string>, string]>([
    [{ 'x-forwarded-proto': 'https', 'x-forwarded-host': 'hub.example.org' }, 'https://hub.example.org'],
    [{ 'x-forwarded-proto': 'HTTPS' }, 'https://127.0.0.1:PORT'],
    [{ 'x-forwarded-host': 'evil, hub.example.org:8443' }, 'http://hub.example.org:8443'],
    [{ 'x-forwarded-proto': 'javascript', 'x-forwarded-host': 'a"b' }, 'http://127.0.0.1:PORT'],
    [{}, 'http://127.0.0.1:PORT']
  ])('links begin as the proxy says: %j', async (headers, base) => {
    await using hub = await testHub({ env: { TRUSTED_PROXIES: '127.0.0.1' } })
    await using direct = await testHub()
    for (const one of [hub, direct]) {
      const ada = await one.user('ada')
      const made = await ada.call('POST /v1/packages', { name: 'blink-lib' })
      const { id } = made.body as { id: string }
      const recipe = { version: '1.0.0', revision: '1', recipe: "name = 'blink-lib'", arUpload: true }
      const { body } = await ada.call(`POST /v1/packages/${id}/recipes`, recipe, { headers })
      const expected = (one === hub ? base : 'http://127.0.0.1:PORT').replace('PORT', String(one.ports.http))
      expect(JSON.stringify(body)).toContain(`"arUploadUrl":"${expected}/v1/archives/`)
    }
  })
})
