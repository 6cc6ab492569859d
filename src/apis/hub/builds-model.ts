import { t } from 'elysia'
import { architectures, type Release } from '../../features/releases/columns.ts'
import { urlOf } from '../../features/releases/links.ts'
import { described } from '../openapi.ts'
import { architectureField, next, paging, versionField } from '../releases.ts'

const at = '2026-03-01T12:00:00.000Z'
const buildId = '0199a2c4-7d1e-7c3a-9b52-4f6e8d0a1b2c'

const version = {
  ...versionField('version', 'Semantic version; builds that differ in build metadata (`+…`) only are the same version'),
  title: 'version is required'
}

const notes = t.String({
  maxLength: 4000,
  error: 'notes must be a text of at most 4000 characters',
  description: 'What is new',
  examples: ['It no longer rains indoors']
})

export const publish = t.Object({
  version,
  architecture: architectureField,
  notes: t.Optional(notes),
  url: t.Optional(
    t.String({
      maxLength: 2048,
      pattern: '^(https?://[^\\s\\u0000-\\u001f\\u007f]+)?$',
      error: 'url must be an http or https URL',
      description: 'Where the build is to be had, such as `https://downloads.example.org/weather_1.2.0.exe`; instead of `file`',
      examples: ['']
    })
  )
})

export const change = t.Object({
  disabled: t.BooleanString({
    title: 'disabled is required',
    error: 'disabled must be true or false',
    description: '`true` withdraws the build, `false` reinstates it',
    examples: [true]
  })
})

const nullable = <S extends Parameters<typeof t.Union>[0][number]>(schema: S, description: string, example: unknown) =>
  t.Union([schema, t.Null()], { description, examples: [example] })

export const build = t.Object({
  build_id: t.String({ format: 'uuid', description: 'Id of the build', examples: [buildId] }),
  version: t.String({ description: 'As published', examples: ['1.2.0'] }),
  architecture: t.String({ description: 'What it runs on', examples: [architectures[1]] }),
  url: t.String({
    description: 'Where to fetch it: as published, or a link of the hub’s',
    examples: [`http://127.0.0.1:3000/downloads/${buildId}/my-application_1.2.0`]
  }),
  notes: nullable(t.String(), 'What is new', 'It no longer rains indoors'),
  size: nullable(t.Integer(), 'Size in bytes, of one that was uploaded', 52_428_800),
  sha256: nullable(t.String(), 'SHA-256 in hex, of one that was uploaded', '9f86d081884c7d65'.repeat(4)),
  disabled: t.Boolean({ description: 'Whether it is withdrawn', examples: [false] }),
  success_count: t.Integer({ description: 'Clients on which it runs, as they last said', examples: [41] }),
  failure_count: t.Integer({ description: 'Clients on which it does not', examples: [1] }),
  created_at: t.String({ format: 'date-time', description: 'When it was published', examples: [at] })
})

export const builds = t.Object({ builds: t.Array(build, { description: 'The builds of this page' }), next })

export const clients = t.Object({
  clients: t.Array(
    t.Object({
      client_id: t.String({
        format: 'uuid',
        description: 'As the client says',
        examples: ['f47ac10b-58cc-4372-a567-0e02b2c3d479']
      }),
      architecture: t.String({ description: 'What it runs on', examples: [architectures[1]] }),
      version: t.String({ description: 'What it last said that it runs', examples: ['1.2.0'] }),
      seen_at: t.String({ format: 'date-time', description: 'When, to the minute', examples: [at] })
    }),
    { description: 'The clients of this page' }
  ),
  next
})

export const page = (what: string, atMost: number) => t.Object(paging(what, atMost))

/** A build as it is answered; `slug`: of its application, `base`: where clients reach the hub. */
export function shown(
  { id, successes, failures, createdAt, ...release }: Release,
  { slug, base }: { slug: string; base: string }
) {
  const { version, architecture, notes, size, sha256, disabled } = release
  return {
    build_id: id,
    version,
    architecture,
    url: urlOf({ ...release, id, slug }, base),
    notes,
    size,
    sha256,
    disabled,
    success_count: successes,
    failure_count: failures,
    created_at: createdAt.toISOString()
  }
}

export const published = described(build, 'The build is published')
