import { describe, expect, test } from 'bun:test'
import { defaultLimits } from '../../../src/features/accounts/limits.ts'
import { describeOnOneHub } from '../../support/balanced.ts'
import { databaseName } from '../../support/databases.ts'
import { password, testHub } from '../../support/hub.ts'

const ada = { email: 'ada@example.org', password, name: 'Ada Lovelace' }

describe(`001 on ${databaseName}: POST /register`, () => {
  test('201 with the email and the name', async () => {
    await using hub = await testHub()
    expect(await hub.call('POST /register', ada)).toEqual({
      status: 201,
      body: { message: 'Registration successful', email: 'ada@example.org', name: 'Ada Lovelace' }
    })
  })

  test.each([
    [{}, 'Email is required'],
    [{ password }, 'Email is required'],
    [{ email: 'ada', password }, 'Invalid email format'],
    [{ email: 'ada@example.org and others@example.org', password }, 'Invalid email format'],
    [{ email: 'ada@example.org' }, 'Password is required'],
    [{ email: 'ada@example.org', password: 'short' }, 'Password must have between 8 and 1024 characters'],
    [{ email: 'ada@example.org', password: 'x'.repeat(1025) }, 'Password must have between 8 and 1024 characters'],
    [{ email: `${'x'.repeat(250)}@example.org`, password }, 'Invalid email format'],
    [{ email: 'ada@example.org', password, name: 'x'.repeat(101) }, 'Name must be a text of 1 to 100 characters'],
    [{ email: 'ada@example.org', password, name: 'a\nb' }, 'Name must be a text of 1 to 100 characters'],
    [{ email: ['ada@example.org'], password }, 'Invalid email format'],
    [{ email: 'ada@example.org', password: 12345678 }, 'Password must have between 8 and 1024 characters']
  ])('400 for %j: the first complaint', async (body, message) => {
    await using hub = await testHub()
    expect(await hub.call('POST /register', body)).toEqual({ status: 400, body: { message } })
  })

  test('400 for an email already registered, whatever its case', async () => {
    await using hub = await testHub()
    await hub.call('POST /register', ada)
    expect(await hub.call('POST /register', { ...ada, email: 'ADA@example.org' })).toEqual({
      status: 400,
      body: { message: 'This email has already been registered' }
    })
  })

  test('of several complaints the first, in the order of the document', async () => {
    await using hub = await testHub()
    await hub.call('POST /register', ada)
    const complaint = async (body: object) => ((await hub.call('POST /register', body)).body as { message: string }).message
    expect(await complaint({ name: 'a\nb' })).toBe('Email is required')
    expect(await complaint({ email: '', password: '' })).toBe('Email is required')
    expect(await complaint({ email: 'ada' })).toBe('Invalid email format')
    expect(await complaint({ email: ada.email })).toBe('This email has already been registered')
    expect(await complaint({ email: ada.email, password: 'short' })).toBe('This email has already been registered')
    expect(await complaint({ email: 'grace@example.org' })).toBe('Password is required')
    expect(await complaint({ email: 'grace@example.org', password: null })).toBe('Password is required')
  })

  test('makes a username from the name, or else from the email, and makes it unique', async () => {
    await using hub = await testHub()
    const usernameOf = async (email: string, name?: string) => {
      await hub.call('POST /register', { email, password, ...(name === undefined ? {} : { name }) })
      return ((await hub.as(await hub.signIn(email)).call('GET /me')).body as { username: string }).username
    }
    expect(await usernameOf('a@example.org', 'Ada Lovelace')).toBe('Ada-Lovelace')
    expect(await usernameOf('b@example.org', 'ada lovelace')).toBe('ada-lovelace-2')
    expect(await usernameOf('c@example.org', 'Ada Lovelace!')).toBe('Ada-Lovelace-3')
    expect(await usernameOf('d@example.org', 'Zoë Straße')).toBe('Zoe-Stra-e')
    expect(await usernameOf('grace.hopper@example.org')).toBe('grace-hopper')
    expect(await usernameOf('e@example.org', 'Swagger')).toBe('Swagger-2')
    expect(await usernameOf('9@example.org', '鈴木')).toBe('user')
  })

  test('of fifty who register one email at once, one gets it', async () => {
    await using hub = await testHub()
    const answers = await Promise.all(Array.from({ length: 50 }, () => hub.call('POST /register', ada)))
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1)
    expect(answers.filter(({ status }) => status === 400)).toHaveLength(49)
  })
})

describe(`001 on ${databaseName}: POST /login`, () => {
  test('200 with an access token, good as access_token and as Authorization: Bearer', async () => {
    await using hub = await testHub()
    await hub.call('POST /register', ada)
    const answer = await hub.call('POST /login', { email: 'Ada@Example.org', password })
    expect(answer).toEqual({ status: 200, body: { access_token: expect.stringMatching(/^[\w-]+\.[\w-]+\.[\w-]+$/) } })
    const { access_token: token } = answer.body as { access_token: string }
    for (const headers of [{ access_token: token }, { authorization: `Bearer ${token}` }]) {
      expect((await hub.call('GET /me', undefined, { headers })).status).toBe(200)
    }
  })

  test.each([
    [{}, 400, 'Email is required'],
    [{ password }, 400, 'Email is required'],
    [{ email: 'ada@example.org' }, 400, 'Password is required'],
    [{ email: '', password: '' }, 400, 'Email is required'],
    [{ email: null, password }, 400, 'Email is required'],
    [{ email: 'ada@example.org', password: '' }, 400, 'Password is required'],
    [{ email: 'ada@example.org', password: 'not the password' }, 401, 'Invalid email/password'],
    [{ email: 'nobody@example.org', password }, 401, 'Invalid email/password']
  ])('%j: %i %s', async (body, status, message) => {
    await using hub = await testHub()
    await hub.call('POST /register', ada)
    expect(await hub.call('POST /login', body)).toEqual({ status, body: { message } })
  })
})

describeOnOneHub(`on ${databaseName}: tries are limited`, () => {
  const many = { points: 1000, duration: 60 }
  const few = { points: 3, duration: 60 }
  const generous = { ...defaultLimits, signInByAddress: many, signInByAccount: many, registration: many, deviceSecret: many }

  test.each(['signInByAddress', 'signInByAccount'] as const)('failed sign-ins, %s', async (limit) => {
    await using hub = await testHub({ limits: { ...generous, [limit]: few } })
    const grace = await hub.user('grace')
    const wrong = { email: grace.email, password: 'not the password' }
    for (let n = 0; n < few.points; n++) expect((await hub.call('POST /login', wrong)).status).toBe(401)
    const refused = await hub.send('POST /login', wrong)
    expect([refused.status, await refused.json()]).toEqual([429, { message: 'Too many attempts, try again later' }])
    expect(Number(refused.headers.get('retry-after'))).toBeWithin(1, 61)
    // The right password is held up too: otherwise the limit would tell that it is right.
    expect((await hub.call('POST /login', { email: grace.email, password })).status).toBe(429)
  })

  test('registrations, in the shape of each document', async () => {
    await using hub = await testHub({ limits: { ...generous, registration: few } })
    for (let n = 0; n < few.points; n++) await hub.call('POST /register', { ...ada, email: `${n}@example.org` })
    expect(await hub.call('POST /register', { ...ada, email: 'x@example.org' })).toMatchObject({
      status: 429,
      body: { message: expect.any(String) }
    })
    expect(
      await hub.call('POST /auth', { name: 'eve', email: 'eve@example.org', password, password_confirmation: password })
    ).toEqual({
      status: 429,
      body: { error: 'Too many attempts, try again later', reasons: [] }
    })
  })

  test('unknown device secrets; a right one is never held up', async () => {
    await using hub = await testHub({ limits: { ...generous, deviceSecret: few } })
    const grace = await hub.user('grace')
    const made = await grace.call('POST /grace/devices', { device_name: 'lamp', board: 'esp8266' })
    const { device_secret: secret } = made.body as { device_secret: string }
    const beat = async (of: string) => (await hub.call(`PUT /devices/${of}/heartbeat?status=ready`)).status
    for (let n = 0; n < few.points; n++) expect(await beat(`${n}`.repeat(40))).toBe(404)
    expect(await beat('0'.repeat(40))).toBe(429)
    expect(await beat(secret)).toBe(200)
  })
})
