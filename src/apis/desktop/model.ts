import { t } from 'elysia'
import { described } from '../openapi.ts'
import { architectureField, next, paging, versionField } from '../releases.ts'

const plain = '^[^\\u0000-\\u001f\\u007f]*$'
const id = '550e8400-e29b-41d4-a716-446655440000'

const name = t.String({
  minLength: 1,
  maxLength: 100,
  pattern: plain,
  title: 'name is required',
  error: 'name must be a text of 1 to 100 characters',
  description: 'Display name; the name in addresses is made from it',
  examples: ['My Application']
})

const description = t.Optional(
  t.Union([t.String({ maxLength: 2000 }), t.Null()], {
    error: 'description must be a text of at most 2000 characters',
    description: 'What it is',
    examples: ['Shows the weather']
  })
)

export const newApplication = t.Object({
  name,
  description,
  team: t.Optional(
    t.String({
      maxLength: 64,
      error: 'team must be the name of a team',
      description: 'Team that it belongs to; your own when left out',
      examples: ['ada']
    })
  )
})

export const application = t.Object({
  id: t.String({ format: 'uuid', description: 'What clients ask by, as `app_id`', examples: [id] }),
  name: t.String({ description: 'Display name', examples: ['My Application'] }),
  description: described(t.String(), 'What it is; empty when none was given', 'Shows the weather')
})

export const page = (atMost: number) => t.Object(paging('Applications', atMost))

export const applications = t.Object({
  applications: t.Array(
    t.Object({
      ...application.properties,
      slug: t.String({ description: 'Name in addresses: `app_name` of the fleet', examples: ['my-application'] }),
      team: t.String({ description: 'Team that it belongs to', examples: ['ada'] })
    }),
    { description: 'The applications of this page' }
  ),
  next
})

export const running = t.Object({
  client_id: t.String({
    pattern: '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$',
    error: 'client_id must be a UUID',
    description: 'Id of the client: a UUID that it makes once and keeps',
    examples: ['f47ac10b-58cc-4372-a567-0e02b2c3d479']
  }),
  app_id: t.String({ error: 'app_id must be a UUID', description: 'Id of the application', examples: [id] }),
  current_running_version: versionField('current_running_version', 'What the client runs; `0.0.0` where it has nothing yet'),
  architecture: architectureField
})

export const latest = t.Object({
  build_id: t.String({ format: 'uuid', description: 'Id of the build', examples: ['0199a2c4-7d1e-7c3a-9b52-4f6e8d0a1b2c'] }),
  version: t.String({ description: 'The latest version', examples: ['1.2.0'] }),
  url: t.String({
    description: 'Where to fetch it; of an uploaded build the version is the text after the last `_`',
    examples: ['http://127.0.0.1:3000/downloads/0199a2c4-7d1e-7c3a-9b52-4f6e8d0a1b2c/my-application_1.2.0']
  }),
  update_required: t.Boolean({ description: 'Whether it is newer than what the client runs', examples: [true] })
})

export const nothing = t.Object({})
