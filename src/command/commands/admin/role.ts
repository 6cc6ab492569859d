import { atAccounts } from '../../accounts/office.ts'
import { readRole, roleWords } from '../../accounts/role.ts'
import type { Call, Command, Outcome } from '../../command.ts'

/** `admin role`: sets what an account may do in the whole hub. */
export const role: Command = {
  name: 'role',
  summary: 'sets what an account may do in the whole hub',
  usage: 'role <email> <role>',
  about: `The role is one of ${roleWords}. A hub may be running: the role counts at once, also for what is streamed.
The last super_admin stays one.`,
  options: {},
  run: set
}

async function set({ config, given, say }: Call): Promise<Outcome> {
  const [email = '', word = ''] = given
  const wanted = readRole(word)
  const account = await atAccounts(config, (accounts) => accounts.setRole(email, wanted))
  say(`${account.username} <${account.email}> is ${account.role}.`)
  return 'done'
}
