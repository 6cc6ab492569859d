import { Elysia } from 'elysia'
import type { Caller } from '../features/accounts/roles.ts'
import type { KnownCaller } from '../features/accounts/service.ts'
import type { Application } from '../features/applications/service.ts'
import type { Hub } from '../hub.ts'
import { forbidden, unauthorized } from '../lib/errors.ts'
import { type Asked, applicationOf, callerOf, keySecurity, userSecurity } from './access.ts'

/** What Swagger UI's "Authorize" asks for on routes by which members and pipelines publish. */
export const publisherSecurity = [...userSecurity, ...keySecurity]

/** Who publishes: a program by the API key of its application, or a user. */
export type Publisher = { application: Application } | { caller: KnownCaller }

const keyOfAnother = 'The API key is of another application'

/** How these routes say no to API keys. */
export const keyErrors = {
  unauthorized: { 'No access token, or one that no longer holds': '', 'No application has this API key': 'Invalid API key' },
  forbidden: { 'The API key is of another application': keyOfAnother, 'The application is inactive': 'Application is inactive' }
}

/** Whoever sends an API key is that program, whatever token comes with it. Throws `unauthorized` and `forbidden`. */
async function publisherOf(hub: Hub, asked: Asked): Promise<Publisher> {
  const { request } = asked
  if (request.headers.has('x-api-key')) return { application: await applicationOf(hub, asked) }
  return { caller: await callerOf(hub, request) }
}

/** Routes for those who publish: gives `publisher`. */
export const publishing = (hub: Hub) =>
  new Elysia({ name: 'publishing' }).derive({ as: 'scoped' }, async ({ request, server }) => ({
    publisher: await publisherOf(hub, { request, server })
  }))

/** Where to look for what is asked for: as a user who may write there, or for a program that may if it is its own. */
export type Search = { asUser(caller: Caller): Promise<Application>; asProgram(own: Application): Promise<Application> }

/** Throws where whoever has sent something may not publish it any more: keys are replaced, and accounts go, while an upload is under way. */
export async function stillPublishedTo(hub: Hub, asked: Asked, search: Search) {
  const publisher = await publisherOf(hub, asked)
  const isGone = 'caller' in publisher && (await hub.accounts.roleOf(publisher.caller)) === undefined
  if (isGone) throw unauthorized() // a token that has merely ended by now was good for what it began
  await publishedTo(publisher, search)
}

/** The application that is to be published to. Throws `missing`, and `forbidden` for whoever may not. */
export async function publishedTo(publisher: Publisher, { asUser, asProgram }: Search) {
  if ('caller' in publisher) return asUser(publisher.caller)
  const found = await asProgram(publisher.application)
  if (found.id !== publisher.application.id) throw forbidden(keyOfAnother)
  return found
}
