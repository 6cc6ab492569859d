import { passwordMaxLength, passwordMinLength } from '../../features/accounts/rules.ts'
import type { Call, Option } from '../command.ts'

const ends = new Set(['\r', '\n', '\u0004'])
const interrupt = '\u0003'
const backspaces = new Set(['\u007f', '\b'])

/** The option that goes with `askPassword`. */
export const passwordOption: Record<string, Option> = {
  'password-stdin': { about: 'reads the password from standard input, instead of asking for it' }
}

/** The password that the operator gives, at a prompt that does not show it or on standard input, and never among the words of the command. */
export async function askPassword({ isOn }: Pick<Call, 'isOn'>) {
  const password = isOn('password-stdin') ? (await Bun.stdin.text()).replace(/\r?\n$/, '') : await atPrompt()
  if (password.length < passwordMinLength || password.length > passwordMaxLength)
    throw new Error(`Password must have between ${passwordMinLength} and ${passwordMaxLength} characters`)
  return password
}

async function atPrompt() {
  if (!process.stdin.isTTY)
    throw new Error('There is no terminal to ask at: give the password on standard input, with --password-stdin')
  const first = await readHidden('Password: ')
  if ((await readHidden('Once more: ')) !== first) throw new Error('The two are not the same')
  return first
}

/** Reads a line of which nothing is shown. */
async function readHidden(prompt: string) {
  const { stdin, stderr } = process
  stdin.setRawMode(true) // before there is a prompt: what is typed ahead is not shown either
  try {
    stderr.write(prompt)
    return await readLine(stdin.setEncoding('utf8'))
  } finally {
    stdin.setRawMode(false)
    stdin.pause()
    stderr.write('\n')
  }
}

let typedAhead = ''

async function readLine(stdin: NodeJS.ReadStream) {
  let line = ''
  for (;;) {
    for (const [at, letter] of Array.from(typedAhead).entries()) {
      if (letter === interrupt) throw new Error('Interrupted')
      if (ends.has(letter)) {
        typedAhead = Array.from(typedAhead)
          .slice(at + 1)
          .join('')
        return line
      }
      line = backspaces.has(letter) ? Array.from(line).slice(0, -1).join('') : line + letter
    }
    typedAhead = await nextOf(stdin)
  }
}

function nextOf(stdin: NodeJS.ReadStream) {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  stdin.once('data', (text) => resolve(String(text)))
  stdin.once('end', () => reject(new Error('Interrupted')))
  stdin.resume()
  return promise
}
