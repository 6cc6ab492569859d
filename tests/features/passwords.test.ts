import { describe, expect, test } from 'bun:test'
import { createPasswords } from '../../src/features/accounts/passwords.ts'

describe('passwords', () => {
  test('are kept as argon2id, and only the right one matches', async () => {
    const { hash, matches } = createPasswords()
    const stored = await hash('correct horse')
    expect(stored).toStartWith('$argon2id$')
    expect(await matches('correct horse', stored)).toBe(true)
    expect(await matches('wrong horse', stored)).toBe(false)
  })

  test('take about as long to refuse where there is no account', async () => {
    const { matches } = createPasswords()
    expect(await matches('correct horse', undefined)).toBe(false)
    const started = performance.now()
    expect(await matches('correct horse', undefined)).toBe(false)
    expect(performance.now() - started).toBeGreaterThan(2) // a hash was computed
  })

  test('an account without one is refused whatever is tried, and as slowly', async () => {
    const { hash, matches } = createPasswords()
    const decoy = await hash('correct horse')
    for (const tried of ['', ' ', 'undefined', decoy]) expect(await matches(tried, '')).toBe(false)
    const started = performance.now()
    expect(await matches('correct horse', '')).toBe(false)
    expect(performance.now() - started).toBeGreaterThan(2) // a hash was computed
  })

  test('are refused when too many wait for their turn', async () => {
    const { hash } = createPasswords()
    const results = await Promise.allSettled(Array.from({ length: 80 }, () => hash('x')))
    const refused = results.filter(({ status }) => status === 'rejected')
    expect(refused).toHaveLength(80 - 2 - 64)
  })
})
