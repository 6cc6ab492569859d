import { Elysia, getSchemaValidator, t } from 'elysia'
import type { Hub } from '../../hub.ts'
import { addressed, open } from '../access.ts'
import { displayNameField, emailField, passwordField } from '../identity.ts'
import { described, says } from '../openapi.ts'

const newUser = t.Object({
  email: described(emailField, 'To sign in with'),
  password: described(passwordField, 'At least 8 characters'),
  name: t.Optional(described(displayNameField, 'Display name; the username when left out', 'Ada'))
})

const isEmail = getSchemaValidator(emailField)
const isPassword = getSchemaValidator(passwordField)

const registered = t.Object({
  message: t.String({ description: 'Always the same', examples: ['Registration successful'] }),
  email: t.String({ description: 'As registered', examples: ['ada@example.org'] }),
  name: t.String({ description: 'Display name', examples: ['Ada'] })
})

const credentials = t.Object({
  email: t.String({
    minLength: 1,
    maxLength: 254,
    title: 'Email is required',
    error: 'Email is required',
    description: 'As registered; upper and lower case are alike',
    examples: ['ada@example.org']
  }),
  password: t.String({
    minLength: 1,
    maxLength: 1024,
    title: 'Password is required',
    error: 'Password is required',
    description: 'As registered',
    examples: ['correct horse battery']
  })
})

/** `POST /register` and `POST /login`. */
export const accountRoutes = (hub: Hub) =>
  new Elysia({ tags: ['accounts'] })
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
        // In the document's order of complaints, that the email is taken comes before that there is no password.
        async transform({ body: { email, password }, address }: { body: { email: string; password: string }; address: string }) {
          if (!isPassword.Check(password) && isEmail.Check(email)) await hub.accounts.refuseTaken(email, address)
        },
        body: newUser,
        response: { 201: described(registered, 'The user is registered') },
        detail: says({
          summary: 'Register a new user',
          description:
            'The username, and with it the name of the user’s own team, is made from the name or else the email: see `GET /me`. ' +
            'To choose it yourself, register with `POST /auth`.',
          errors: {
            invalid: {
              'The email is missing': ['', 'Email is required'],
              'The email is not one': ['', 'Invalid email format'],
              'The password is too short': ['', 'Password must have between 8 and 1024 characters']
            },
            conflict: { 'The email is taken': 'This email has already been registered' },
            tooMany: { 'Too many registrations from your address': '' }
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
        response: {
          200: described(
            t.Object({
              access_token: t.String({
                description: 'A JWT, good for 24 hours',
                examples: ['eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIwMTk5YTJjNCJ9.5mhGp0s2n7yN0vZ4Jq1Qx8kTtq0bC3uYdL6wRzE9fVA']
              })
            }),
            'You are signed in'
          )
        },
        detail: says({
          summary: 'Get an access token',
          description:
            'Here, give the token under **Authorize**. A program sends it as the header `access_token`, or as `Authorization: Bearer …`, ' +
            'and over MQTT as its password.',
          errors: {
            invalid: {
              'The email is missing': ['', 'Email is required'],
              'The password is missing': ['', 'Password is required']
            },
            unauthorized: { 'Wrong email or password': 'Invalid email/password' },
            tooMany: { 'Too many failures from your address or for this account': '' }
          }
        })
      }
    )
