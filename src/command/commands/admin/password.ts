import { atAccounts } from '../../accounts/office.ts'
import { askPassword, passwordOption } from '../../accounts/password.ts'
import type { Call, Command, Outcome } from '../../command.ts'

/** `admin password`: sets the password of an account. */
export const password: Command = {
  name: 'password',
  summary: 'sets the password of an account',
  usage: 'password <email>',
  about: `The password is asked for, or read from standard input. A hub may be running: the new password counts at once, and access
tokens that were given out before are refused. CLI keys stay: their user deletes them.`,
  options: passwordOption,
  run: set
}

async function set(call: Call): Promise<Outcome> {
  const [email = ''] = call.given
  await atAccounts(call.config, (accounts) => accounts.named(email)) // before anything is typed
  const word = await askPassword(call)
  const username = await atAccounts(call.config, (accounts) => accounts.setPassword(email, word))
  call.say(`${username} has a new password.`)
  return 'done'
}
