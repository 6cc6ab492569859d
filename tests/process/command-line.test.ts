import { describe, expect, test } from 'bun:test'
import { commands } from '../../src/command/commands/index.ts'
import { operate } from '../support/command.ts'

const levels = [
  '',
  ...commands.flatMap((each) => [
    each.name,
    ...('commands' in each ? each.commands.map(({ name }) => `${each.name} ${name}`) : [])
  ])
]

describe('the operator’s command', () => {
  test.each(levels)('explains itself: %s --help', async (level) => {
    const { code, output, complaints } = await operate(`${level} --help`, {})
    expect({ code, complaints }).toEqual({ code: 0, complaints: '' })
    expect(output).toStartWith(`bun run hub ${level}`.trim())
    expect(output).toContain('Ends with 0 when it is done, 1 when')
  })

  test('lists every command when it is asked for none', async () => {
    const { code, output } = await operate('', {})
    expect(code).toBe(0)
    for (const { name } of commands) expect(output).toContain(`\n  ${name}`)
  })

  test.each([
    ['fly', 'There is no command fly', 'bun run hub <command>'],
    ['migrate --fast', "Unknown option '--fast'", 'bun run hub migrate'],
    ['migrate --status=yes', "Option '--status' does not take an argument", 'bun run hub migrate'],
    ['migrate now', 'now is one word too many', 'bun run hub migrate']
  ])('refuses %s with the nearest help', async (words, sentence, help) => {
    const { code, output, complaints } = await operate(words, {})
    expect({ code, output }).toEqual({ code: 2, output: '' })
    expect(complaints).toStartWith(`${sentence}\n\n${help}`)
  })

  test('names every problem of the configuration', async () => {
    const { code, complaints } = await operate('migrate', { PORT: 'eighty', LOG_LEVEL: 'loud' })
    expect(code).toBe(1)
    expect(complaints).toContain('PORT')
    expect(complaints).toContain('LOG_LEVEL')
  })
})
