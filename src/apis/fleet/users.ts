import { Elysia, t } from 'elysia'
import type { Hub } from '../../hub.ts'
import { invalid } from '../../lib/errors.ts'
import { addressed, open, signedIn, userSecurity } from '../access.ts'
import { emailField, passwordField, usernameField } from '../identity.ts'
import { described, says } from '../openapi.ts'
import * as model from './model.ts'

const newUser = t.Object({
  name: described(usernameField, 'Username, and name of the user’s own team; unique without regard to case', 'grace'),
  email: described(emailField, 'To sign in with', 'grace@example.org'),
  password: described(passwordField, 'At least 8 characters'),
  password_confirmation: t.String({
    title: 'password_confirmation is required',
    error: 'password_confirmation must be a text',
    description: 'The password again',
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
          description:
            'The name is also the name of the user’s own team: devices and applications live under `/{name}/…`. Sign in with `POST /login`.',
          errors: {
            invalid: {
              'A field is missing or wrong': ['', 'Invalid email format', 'Password must have between 8 and 1024 characters'],
              'The passwords differ': ['', 'password_confirmation does not match password']
            },
            conflict: {
              'The name is taken': ['Account already exists', 'name is already taken'],
              'The name is one that the hub keeps for itself': ['Account already exists', 'name is reserved'],
              'The email is taken': ['This email has already been registered', 'email is already taken']
            },
            tooMany: { 'Too many registrations from your address': '' }
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
        description:
          'Deletes your account, your own team with its devices and applications, and the teams that only you are in. ' +
          'Your tokens and CLI keys end at once. What you have published in the registry stays. There is no way back.',
        errors: {
          invalid: {
            'Other members of a team would be left without an owner': [
              'Make somebody else an owner first',
              'you are the only owner of acme'
            ],
            'Nobody would be left to administer the hub': 'The last SUPER_ADMIN cannot be deleted'
          }
        }
      })
    }
  )
