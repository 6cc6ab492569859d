import { t } from 'elysia'
import { architectures } from '../features/releases/columns.ts'
import { versionMaxLength, versionPattern } from '../lib/versions.ts'

// What document 000 and the routes that the hub adds to it have in common.

const [windows, linux] = architectures

/** A version in a field of that name. */
export const versionField = (field: string, description: string) =>
  t.String({
    pattern: versionPattern,
    maxLength: versionMaxLength,
    error: `${field} must be a version (Semantic Versioning 2.0.0)`,
    description,
    examples: ['1.2.0']
  })

export const architectureField = t.Union([t.Literal(windows), t.Literal(linux)], {
  title: 'architecture is required',
  error: `architecture must be ${windows} or ${linux}`,
  description: 'What the program runs on',
  examples: [linux]
})

/** `limit` and `cursor` of a list with at most so many on a page. */
export const paging = (what: string, atMost: number) => ({
  limit: t.Optional(
    t.Integer({
      minimum: 1,
      maximum: atMost,
      error: `limit must be between 1 and ${atMost}`,
      description: `${what} on a page`,
      examples: [50]
    })
  ),
  cursor: t.Optional(
    t.String({ maxLength: 128, error: 'cursor must be the next of an earlier page', description: '`next` of the page before' })
  )
})

/** Where to read on. */
export const next = t.Union([t.String(), t.Null()], {
  description: 'Give it as `cursor` for the next page; null on the last',
  examples: [null]
})
