import { expect, test } from 'bun:test'
import { createNetworks, networkOf, plainAddress } from '../../src/lib/networks.ts'

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

test.each([
  ['203.0.113.7', '203.0.113.7'],
  [' 203.0.113.7:4711 ', '203.0.113.7'],
  ['[2001:db8::1]:443', '2001:db8::1'],
  ['[2001:db8::1]', '2001:db8::1'],
  ['2001:db8::1', '2001:db8::1'],
  ['::ffff:203.0.113.7', '203.0.113.7'],
  ['203.0.113', undefined],
  ['unknown', undefined],
  ['_hidden', undefined],
  ['', undefined],
  ['[203.0.113.7', undefined]
])('of %p the address is %p', (text, address) => {
  expect(plainAddress(text)).toBe(address as string)
})

test('networks have the addresses that are in them', () => {
  const networks = createNetworks(['10.0.0.0/8', '203.0.113.7', 'fd00::/8', '::1'])
  const inside = ['10.255.0.1', '203.0.113.7', '::ffff:10.1.1.1', 'fd12::1', '::1']
  const outside = ['11.0.0.1', '203.0.113.8', 'fe80::1', '::2', 'unknown', '']
  expect(inside.filter((address) => !networks.has(address))).toEqual([])
  expect(outside.filter((address) => networks.has(address))).toEqual([])
  expect(createNetworks([]).isEmpty).toBe(true)
})

test.each(['10.0.0.0/33', '10.0.0/8', 'hub.example.org', 'fd00::/129', '10.0.0.0/x', '10.0.0.0/'])('%s is no network', (text) => {
  expect(() => createNetworks([text])).toThrow(text)
})
