import { type Role, roles } from '../../features/accounts/roles.ts'
import { UsageError } from '../command.ts'

/** The roles as they are typed. */
export const roleWords = roles.map((role) => role.toLowerCase()).join(', ')

/** The role that a word means, in upper or lower case. Throws `UsageError`. */
export function readRole(word: string): Role {
  const role = roles.find((each) => each === word.toUpperCase())
  if (!role) throw new UsageError(`There is no role ${word}: there are ${roleWords}`)
  return role
}
