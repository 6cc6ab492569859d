import type { Group } from '../../command.ts'
import { create } from './create.ts'
import { password } from './password.ts'
import { role } from './role.ts'

/** `admin`: accounts. */
export const admin: Group = {
  name: 'admin',
  summary: 'makes accounts, sets passwords and roles',
  commands: [create, password, role]
}
