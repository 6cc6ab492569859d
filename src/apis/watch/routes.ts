import { Elysia, t } from 'elysia'
import type { Hub } from '../../hub.ts'
import { addressed, open } from '../access.ts'
import { displayNameField, emailField, passwordField } from '../identity.ts'
import { says } from '../openapi.ts'

const newUser = t.Object({ email: emailField, password: passwordField, name: t.Optional(displayNameField) })

const registered = t.Object({
  message: t.String({ examples: ['Registration successful'] }),
  email: t.String({ examples: ['ada@example.org'] }),
  name: t.String({ examples: ['Ada Lovelace'] })
})

const credentials = t.Object({
  email: t.String({
    minLength: 1,
    maxLength: 254,
    title: 'Email is required',
    error: 'Email is required',
    examples: ['ada@example.org']
  }),
  password: t.String({
    minLength: 1,
    maxLength: 1024,
    title: 'Password is required',
    error: 'Password is required',
    examples: ['correct horse battery']
  })
})

/** Document 001: `POST /register` and `POST /login`. */
export const watchApi = (hub: Hub) =>
  new Elysia({ name: 'watch', tags: ['accounts'] })
    .use(open())
    .use(addressed())
    .post(
      '/register',
      async ({ body, address, set }) => {
        const account = await hub.accounts.register(body, address)
        set.status = 201
        return { message: 'Registration successful', email: account.email, name: account.name }
      },
      {
        parse: 'openFields',
        body: newUser,
        response: { 201: registered },
        detail: says({
          summary: 'Register a new user',
          description:
            'The username, and with it the name of the user’s own team, is made from the name or else the email: see `GET /me`.',
          errors: {
            invalid: 'A field is missing or wrong',
            conflict: 'The email is taken',
            tooMany: 'Too many registrations from this address'
          }
        })
      }
    )
    .post(
      '/login',
      async ({ body, address }) => {
        const token = await hub.accounts.signIn(body, address)
        return { access_token: token }
      },
      {
        parse: 'openFields',
        body: credentials,
        response: { 200: t.Object({ access_token: t.String({ description: 'A JWT, good for 24 hours' }) }) },
        detail: says({
          summary: 'Get an access token',
          description: 'Send it as the header `access_token`, or as `Authorization: Bearer …`. It is also an MQTT password.',
          errors: {
            invalid: 'A field is missing',
            unauthorized: 'Wrong email or password',
            tooMany: 'Too many failures from this address or for this account'
          }
        })
      }
    )
