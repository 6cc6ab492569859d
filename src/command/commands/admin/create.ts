import { emailMaxLength, emailPattern } from '../../../features/accounts/rules.ts'
import { namePattern, usernameMaxLength } from '../../../features/accounts/usernames.ts'
import { atAccounts } from '../../accounts/office.ts'
import { askPassword, passwordOption } from '../../accounts/password.ts'
import { readRole, roleWords } from '../../accounts/role.ts'
import { type Call, type Command, type Outcome, UsageError } from '../../command.ts'

/** `admin create`: an account, by its email. */
export const create: Command = {
  name: 'create',
  summary: 'makes an account',
  usage: 'create <email>',
  about: `The password is asked for, or read from standard input. A hub may be running.`,
  options: {
    role: { value: 'role', about: `${roleWords}; super_admin where it is left out` },
    username: { value: 'name', about: 'its username; made from the email where it is left out' },
    ...passwordOption
  },
  run: make
}

async function make(call: Call): Promise<Outcome> {
  const { config, given, option, say } = call
  const [email = ''] = given
  const username = option('username')
  if (!new RegExp(emailPattern).test(email) || email.length > emailMaxLength) throw new UsageError(`${email} is no email`)
  if (username !== undefined && (!new RegExp(namePattern).test(username) || username.length > usernameMaxLength))
    throw new UsageError(`A username begins with a letter and has at most ${usernameMaxLength} letters, digits, - and _`)
  const role = readRole(option('role') ?? 'super_admin')
  const password = await askPassword(call)
  const account = await atAccounts(config, (accounts) => accounts.create({ email, password, role, username }))
  say(`${account.username} <${account.email}> is there, as ${account.role}.`)
  return 'done'
}
