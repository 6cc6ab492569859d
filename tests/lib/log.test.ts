import { expect, test } from 'bun:test'
import { DrizzleQueryError } from 'drizzle-orm'
import { createLog } from '../../src/lib/log.ts'

/** What is logged of an error. */
function logged(err: unknown) {
  const lines: string[] = []
  createLog('error', { write: (line) => void lines.push(line) }).error({ err }, 'it failed')
  return lines.join('')
}

const failed = Object.assign(new Error('duplicate key (a secret)'), { name: 'PostgresError', code: '23505', detail: 'a secret' })
const ofQuery = new DrizzleQueryError('insert into keys values ($1)', ['a secret'], failed)

test.each([
  ['the failure of a query', ofQuery],
  ['what was made of one', new Error('It could not be stored: a secret', { cause: ofQuery })],
  ['the failure of a driver', Object.assign(new Error('a secret'), { query: 'select a secret', parameters: ['a secret'] })]
])('%s is logged without its values', (_name, error) => {
  const line = logged(error)
  expect(line).not.toContain('a secret')
  expect(line).toContain('log.test.ts')
})

test('of the failure of a query its kind is logged, of any other what it says', () => {
  expect(logged(ofQuery)).toContain('"code":"23505"')
  expect(logged(new Error('The disk is on fire'))).toContain('The disk is on fire')
})
