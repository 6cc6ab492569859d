import { expect, test } from 'bun:test'
import { queryOf } from '../../src/apis/fields.ts'

test.each([
  '',
  '?',
  '?a=1',
  '?status=running&deployment_id=87',
  '?a=1&a=2',
  '?a',
  '?a=',
  '?=1',
  '?=',
  '?&&a=1&',
  '?a=b=c',
  '?a=1?b=2',
  '?a=1;b=2',
  '?__proto__=1&constructor=2',
  '?%61=%31',
  '?a=1+2',
  '?a=%',
  '?a=%00',
  '?a=%F0%9F%92%A9',
  '?a=\u00e9',
  '?a=\ud800'
])('the query %j is read as URLSearchParams reads it', (query) => {
  const request = { url: `http://hub.test/path${query}` } as Request
  expect(Object.entries(queryOf(request))).toEqual(Object.entries(Object.fromEntries(new URLSearchParams(query))))
})
