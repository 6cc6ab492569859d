import { Elysia, t } from 'elysia'
import type { Hub } from '../../hub.ts'
import { invalid } from '../../lib/errors.ts'
import { addressed, open, signedIn, userSecurity } from '../access.ts'
import { emailField, passwordField, usernameField } from '../identity.ts'
import { says } from '../openapi.ts'
import * as model from './model.ts'

const newUser = t.Object({
  name: usernameField,
  email: emailField,
  password: passwordField,
  password_confirmation: t.String({
    title: 'password_confirmation is required',
    error: 'password_confirmation must be a text',
    examples: ['correct horse battery']
  })
})

/** `POST /auth`, `DELETE /auth`. */
export const userRoutes = (hub: Hub) => new Elysia({ tags: ['fleet: users'] }).use(signUp(hub)).use(leave(hub))

const signUp = (hub: Hub) =>
  new Elysia()
    .use(open())
    .use(addressed())
    .post(
      '/auth',
      async ({ body: { name, email, password, password_confirmation }, address }) => {
        if (password !== password_confirmation) throw invalid('', ['password_confirmation does not match password'])
        await hub.accounts.register({ username: name, email, password }, address)
        return {}
      },
      {
        parse: 'openFields',
        body: newUser,
        response: { 200: model.nothing },
        detail: says({
          summary: 'Create a user',
          description: 'The name is also the name of the user’s own team. Sign in with `POST /login`.',
          errors: {
            invalid: 'A field is missing or wrong',
            conflict: 'Name or email is taken',
            tooMany: 'Too many registrations from this address'
          }
        })
      }
    )

const leave = (hub: Hub) =>
  new Elysia({ detail: { security: userSecurity } }).use(signedIn(hub)).delete(
    '/auth',
    async ({ caller }) => {
      await hub.accounts.remove(caller)
      return {}
    },
    {
      response: { 200: model.nothing },
      detail: says({
        summary: 'Delete the current user',
        description: 'Deletes your account, your own team with its devices and applications, and the teams that only you are in.',
        errors: { invalid: 'Other members would be left without an owner' }
      })
    }
  )
