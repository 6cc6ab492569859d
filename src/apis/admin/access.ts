import { Elysia } from 'elysia'
import type { Caller, Role } from '../../features/accounts/roles.ts'
import type { Hub } from '../../hub.ts'
import { forbidden } from '../../lib/errors.ts'
import { callerOf } from '../access.ts'
import { readFields } from '../fields.ts'
import type { Errors } from '../openapi.ts'

const administratorsOnly = 'Access denied. SUPER_ADMIN role required'
const auditorsOnly = 'Access denied. AUDITOR or SUPER_ADMIN role required'

/** How these routes say no to those who have another role. */
export const notAdministrator: Errors = { forbidden: { 'You are no SUPER_ADMIN': administratorsOnly } }
export const notAuditor: Errors = { forbidden: { 'You are neither AUDITOR nor SUPER_ADMIN': auditorsOnly } }

function permit<C extends Caller>(caller: C, roles: Role[], refusal: string): C {
  if (!roles.includes(caller.role)) throw forbidden(refusal)
  return caller
}

/** Routes for AUDITOR and SUPER_ADMIN: gives `caller`, whose role is known before the query is looked at. */
export const auditing = (hub: Hub) =>
  new Elysia({ name: 'auditing' }).derive({ as: 'scoped' }, async ({ request }) => ({
    caller: permit(await callerOf(hub, request), ['AUDITOR', 'SUPER_ADMIN'], auditorsOnly)
  }))

/** Routes for SUPER_ADMIN: gives `caller`. Bodies are read by `parse: 'administration'`, after the role is known. */
export const administering = (hub: Hub) => {
  const administrator = async (request: Request) => permit(await callerOf(hub, request), ['SUPER_ADMIN'], administratorsOnly)
  return new Elysia({ name: 'administering' })
    .parser('administration', async ({ request }) => {
      await administrator(request)
      return readFields(request)
    })
    .derive({ as: 'scoped' }, async ({ request }) => ({ caller: await administrator(request) }))
}
