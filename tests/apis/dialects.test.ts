import { describe, expect, test } from 'bun:test'
import { dialectOf, sayNo } from '../../src/apis/dialects.ts'
import {
  conflict,
  forbidden,
  HubError,
  invalid,
  missing,
  tooLarge,
  tooMany,
  unauthorized,
  unavailable
} from '../../src/lib/errors.ts'
import { onOneHub } from '../support/balanced.ts'
import { testHub } from '../support/hub.ts'

// One path of each document, and how it says no to: invalid, unauthorized, forbidden, missing, conflict, too large, too many, unavailable, our fault.
const statuses = {
  '/applications': [400, 401, 403, 404, 409, 413, 429, 503, 500],
  '/repos': [400, 401, 403, 404, 400, 413, 429, 503, 500],
  '/v1/packages': [400, 401, 403, 404, 409, 413, 429, 503, 500],
  '/ada/devices': [422, 401, 403, 404, 422, 413, 429, 503, 500],
  '/api/v1/applications': [422, 401, 403, 404, 409, 413, 429, 503, 500],
  '/teams': [400, 401, 403, 404, 409, 413, 429, 503, 500]
}

const errors = [
  invalid('no', ['first', 'second']),
  unauthorized(),
  forbidden('no'),
  missing('no'),
  conflict('no', ['taken']),
  tooLarge('no'),
  tooMany(5),
  unavailable('no'),
  new HubError('internal')
]

describe('each document says no in its own way', () => {
  test.each(Object.entries(statuses))('%s', (path, expected) => {
    expect(errors.map((error) => sayNo(dialectOf(path), 'GET /x', error).status)).toEqual(expected)
  })

  test('with its own body', () => {
    const body = (path: string, error: HubError) => sayNo(dialectOf(path), 'GET /x', error).body
    const refusal = invalid('No.', ['first', 'second'])
    expect(body('/ada/devices', refusal)).toEqual({ error: 'No.', reasons: ['first', 'second'] })
    expect(body('/api/v1/applications', refusal)).toEqual({ success: false, message: 'No.' })
    for (const path of ['/applications', '/repos', '/v1/packages', '/teams'])
      expect(body(path, refusal)).toEqual({ message: 'No.' })
  })

  test('with the documents’ own sentences where the error brings none', () => {
    const said = (path: string, error: HubError) => Object.values(sayNo(dialectOf(path), 'GET /x', error).body)
    expect(said('/repos', unauthorized())).toEqual(['Invalid token'])
    expect(said('/api/v1/applications', unauthorized())).toEqual([
      false,
      'Authentication required. Provide token via Authorization header'
    ])
    expect(said('/repos', new HubError('internal'))).toEqual(['Internal server error'])
    expect(said('/repos', invalid('', ['first', 'second']))).toEqual(['first'])
    expect(said('/ada/devices', invalid('', ['first', 'second']))).toEqual(['Validation failed', ['first', 'second']])
  })

  test('and 404 for wrong input to POST /<team>/apps', () => {
    expect(sayNo(dialectOf('/ada/apps'), 'POST /:team/apps', invalid('no')).status).toBe(404)
    expect(sayNo(dialectOf('/ada/apps'), 'POST /:team/devices', invalid('no')).status).toBe(422)
  })
})

describe('what nobody foresaw', () => {
  onOneHub('is a 500 that tells nothing, logged once under the id that the answer carries', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    const fault = Object.assign(new Error('Failed query: select … params: hunter2'), {
      name: 'DrizzleQueryError',
      query: 'select',
      params: ['hunter2']
    })
    Object.assign(hub.hub.devices, { list: () => Promise.reject(fault) })
    const response = await ada.send('GET /ada/devices')
    expect([response.status, await response.json()]).toEqual([500, { error: 'Internal server error', reasons: [] }])
    const id = response.headers.get('x-request-id') ?? 'none'
    const lines = hub
      .logged()
      .split('\n')
      .filter((line) => line.includes('unexpected error'))
    expect(lines).toHaveLength(1)
    expect(lines[0]).toContain(id)
    expect(hub.logged()).not.toContain('hunter2')
  })

  onOneHub('is a 500 in the shape of each document', async () => {
    await using hub = await testHub()
    Object.assign(hub.hub.accounts, {
      signIn: () => Promise.reject(new Error('boom')),
      callerOf: () => Promise.reject(new Error('boom'))
    })
    expect(await hub.call('POST /login', { email: 'a@b.c', password: 'x' })).toEqual({
      status: 500,
      body: { message: 'Internal server error' }
    })
    expect(await hub.call('GET /me')).toEqual({ status: 500, body: { message: 'Internal server error' } })
    expect(await hub.call('POST /ada/devices', { x: 1 })).toEqual({
      status: 500,
      body: { error: 'Internal server error', reasons: [] }
    })
  })
})
