import { t } from 'elysia'
import type { Administered } from '../../features/applications/administration.ts'
import { described, type Errors } from '../openapi.ts'

export const applicationTags = ['administration: applications']

const required = 'name and slug are required'
/** Text without control characters. */
export const plain = '^[^\\u0000-\\u001f\\u007f]*$'
const at = '2026-01-06T10:00:00.000Z'
const id = '550e8400-e29b-41d4-a716-446655440000'

export const success = t.Boolean({ description: 'Always true', examples: [true] })

/** `message` of an answer, with the sentence that it usually is. */
export const message = (sentence: string) => t.String({ description: 'What was done', examples: [sentence] })

const nameRule = 'name must be a text of 1 to 100 characters'

const name = t.String({
  minLength: 1,
  maxLength: 100,
  pattern: plain,
  title: required,
  error: nameRule,
  description: 'Display name',
  examples: ['My Application']
})
const slug = t.String({
  pattern: '^[a-zA-Z][a-zA-Z0-9_-]*$',
  maxLength: 64,
  title: required,
  error: 'slug must begin with a letter and have at most 64 letters, digits, - and _',
  description: 'Name in addresses, unique in its team: `app_name` of the fleet',
  examples: ['my-app']
})
const optionalText = (field: string, description: string, example: string) =>
  t.Optional(
    t.Union([t.String({ maxLength: 255, pattern: plain }), t.Null()], {
      error: `${field} must be null or a text of at most 255 characters`,
      description,
      examples: [example]
    })
  )
const domain = optionalText('domain', 'Where the application is at home', 'myapp.com')
const stack = optionalText('stack', 'What it is made with', 'nodejs')

export const newApplication = t.Object(
  {
    name,
    slug,
    domain,
    stack,
    team: t.Optional(
      t.String({
        maxLength: 64,
        pattern: plain,
        error: 'team must be the name of a team',
        description: 'Team that it belongs to; your own when left out',
        examples: ['acme']
      })
    )
  },
  { examples: [{ name: 'My Application', slug: 'my-app', domain: 'myapp.com', stack: 'nodejs' }] }
)

export const changes = t.Object({
  name: t.Optional(described({ ...name, title: nameRule }, 'Display name', 'Updated App Name')),
  domain,
  stack,
  isActive: t.Optional(
    t.BooleanString({
      error: 'isActive must be true or false',
      description: 'false refuses its API key, true lets it be used again',
      examples: [true]
    })
  )
})

const named = {
  id: t.String({ format: 'uuid', description: 'Stays, whatever else changes', examples: [id] }),
  name: t.String({ description: 'Display name', examples: ['My Application'] }),
  slug: t.String({ description: 'Name in addresses', examples: ['my-app'] })
}
const optional = (description: string, example: string) => t.Union([t.String(), t.Null()], { description, examples: [example] })

export const administered = t.Object({
  ...named,
  domain: optional('Where the application is at home', 'myapp.com'),
  stack: optional('What it is made with', 'nodejs'),
  isActive: t.Boolean({ description: 'Whether its API key may be used', examples: [true] }),
  createdAt: t.String({ format: 'date-time', description: 'When it was made', examples: [at] }),
  updatedAt: t.String({ format: 'date-time', description: 'When an administrator last changed it', examples: [at] })
})

export const counted = t.Object({
  ...administered.properties,
  total_logs: t.Integer({ description: 'Entries in its log, of its devices and of programs', examples: [150] })
})

export const keyed = t.Object({
  ...named,
  apiKey: t.String({
    description: 'The API key, shown this once: `app_` and 32 letters and digits',
    examples: ['app_1a2b3c4d5e6f7g8h9i0jKLMNOPQRSTUV']
  })
})

export const next = t.Optional(
  t.String({ description: 'Give it as `cursor` for the next page; left out on the last', examples: [id] })
)

/** `limit` and `cursor` of a list with at most so many on a page. */
export const paging = (what: string, atMost: number) => ({
  limit: t.Optional(
    t.Integer({
      minimum: 1,
      maximum: atMost,
      error: `limit must be between 1 and ${atMost}`,
      description: `${what} on a page`
    })
  ),
  cursor: t.Optional(
    t.String({
      maxLength: 64,
      pattern: plain,
      error: 'cursor must be the next of an earlier page',
      description: '`next` of the page before'
    })
  )
})

/** An application as a change of it is answered. */
export const shown = ({ createdAt, updatedAt, ...application }: Omit<Administered, 'totalLogs'>) => ({
  ...application,
  createdAt: createdAt.toISOString(),
  updatedAt: updatedAt.toISOString()
})

/** An application as it is listed. */
export const shownWithTotal = ({ totalLogs, ...application }: Administered) => ({ ...shown(application), total_logs: totalLogs })

/** How the routes of one application say no where there is none. */
export const noApplication: Errors = { missing: { 'No such application': 'Application not found' } }
