import { expect, test } from 'bun:test'
import { networkOf } from '../../src/lib/networks.ts'

test.each([
  ['203.0.113.7', '203.0.113.7'],
  ['::ffff:203.0.113.7', '203.0.113.7'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
  ['2001:db8:1:2::9', '2001:db8:1:2'],
  ['2001:db8::1', '2001:db8:0:0'],
  ['::1', '0:0:0:0'],
  ['unknown', 'unknown']
])('%s counts as %s', (address, expected) => {
  expect(networkOf(address)).toBe(expected)
})
