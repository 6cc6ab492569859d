import { describe, expect, test } from 'bun:test'
import { isNewer, isVersion, rankOf } from '../../src/lib/versions.ts'

// Section 11 of Semantic Versioning 2.0.0, and what it says between its examples: each is newer than all before it.
const ascending = [
  '0.0.0',
  '0.0.1-0',
  '0.0.1',
  '0.9.0',
  '0.10.0',
  '1.0.0--1',
  '1.0.0-alpha',
  '1.0.0-alpha.1',
  '1.0.0-alpha.1.0',
  '1.0.0-alpha.beta',
  '1.0.0-beta',
  '1.0.0-beta.2',
  '1.0.0-beta.11',
  '1.0.0-beta.999999999999999999',
  '1.0.0-beta-2',
  '1.0.0-rc.1',
  '1.0.0',
  '1.0.10',
  '2.0.0-0',
  '2.0.0-9',
  '2.0.0-10',
  '2.0.0-9007199254740992',
  '2.0.0-9007199254740993',
  '2.0.0-1a',
  '2.0.0-A',
  '2.0.0-Z',
  '2.0.0-a',
  '2.0.0',
  '2.1.0',
  '2.1.1',
  '10.0.0',
  '999999999999999999.0.0'
]

describe('precedence', () => {
  test.each(ascending.map((version, i) => [version, i] as const))('%s has its place', (version, i) => {
    expect(ascending.map((other) => isNewer(version, other))).toEqual(ascending.map((_, j) => i > j))
    expect(ascending.map((other) => rankOf(version) > rankOf(other))).toEqual(ascending.map((_, j) => i > j))
  })

  test('build metadata does not count', () => {
    for (const [one, other] of [
      ['1.0.0', '1.0.0+linux'],
      ['1.0.0+1', '1.0.0+2'],
      ['1.0.0-rc.1+a-b', '1.0.0-rc.1+a.b']
    ] as const) {
      expect([isNewer(one, other), isNewer(other, one), rankOf(one) === rankOf(other)]).toEqual([false, false, true])
    }
  })

  test('ranks sort as the versions do, also of versions that nobody thought of', () => {
    const random = seeded(7)
    const versions = Array.from({ length: 400 }, () => randomVersion(random))
    for (const version of versions) expect([version, isVersion(version)]).toEqual([version, true])
    for (const one of versions) {
      for (const other of versions) {
        const ranks = Math.sign(Buffer.compare(Buffer.from(rankOf(one)), Buffer.from(rankOf(other))))
        if (ranks !== Bun.semver.order(one, other))
          expect([one, other, ranks]).toEqual([one, other, Bun.semver.order(one, other)])
      }
    }
  })
})

test('what is a version', () => {
  const versions = [
    '0.0.0',
    '1.2.3',
    '1.0.0-alpha',
    '1.0.0-0.3.7',
    '1.0.0-x.7.z.92',
    '1.0.0-x-y-z.--',
    '1.0.0+001',
    '1.0.0+21AF26D3---117B344092BD'
  ]
  expect(versions.filter((version) => !isVersion(version))).toEqual([])
  const others = [
    '',
    '1',
    '1.2',
    '1.2.3.4',
    'v1.2.3',
    '01.2.3',
    '1.02.3',
    '1.2.3-',
    '1.2.3-01',
    '1.2.3-a..b',
    '1.2.3+',
    '1.2.3+a+b',
    '1.2.3-a_b'
  ]
  const more = [
    ' 1.2.3',
    '1.2.3\n',
    '1.2.x',
    '-1.2.3',
    '1.2.3-ä',
    '1.2.3 - 2.0.0',
    '^1.2.3',
    '1e3.0.0',
    '1000000000000000000.0.0',
    `1.0.0-${'a'.repeat(130)}`
  ]
  expect([...others, ...more].filter(isVersion)).toEqual([])
})

/** The same numbers in every run: from 0 to 1. */
function seeded(seed: number) {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

function randomVersion(random: () => number) {
  const below = (limit: number) => Math.floor(random() * limit)
  const numeric = () => (below(4) === 0 ? String(10 ** below(18) + below(9)) : String(below(4)))
  const letters = () => Array.from({ length: 1 + below(3) }, () => 'aBz-09'[below(6)]).join('')
  const identifier = () => (below(2) === 0 ? numeric() : `${letters()}${'a-'[below(2)]}`)
  const core = [numeric(), numeric(), numeric()].join('.')
  const before = below(3) === 0 ? '' : `-${Array.from({ length: 1 + below(3) }, identifier).join('.')}`
  return `${core}${before}${below(4) === 0 ? `+${letters()}` : ''}`
}
