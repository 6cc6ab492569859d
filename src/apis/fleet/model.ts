import { t } from 'elysia'

const namePattern = '^[a-zA-Z][a-zA-Z0-9_-]*$'
const nameRule = 'must begin with a letter and have at most 64 letters, digits, - and _'

const name = (field: string, example: string, description: string) =>
  t.String({
    pattern: namePattern,
    maxLength: 64,
    title: `${field} is required`,
    error: `${field} ${nameRule}`,
    examples: [example],
    description
  })

const board = t.Union([t.Literal('esp8266')], {
  title: 'board is required',
  error: 'board must be esp8266',
  examples: ['esp8266'],
  description: 'Board type: images are for one type only'
})

const tagText = t.String({ maxLength: 64, pattern: '^[^\\u0000-\\u001f\\u007f]*$' })

const tag = t.Optional(
  t.Union([tagText, t.Null()], {
    error: 'tag must be null or a text of at most 64 characters',
    examples: ['kitchen'],
    description: 'Tells devices apart: a deployment with a tag is for the devices with the same tag only. `null` or empty: none'
  })
)

const deviceName = name('device_name', 'lamp', 'Name of the device, unique in the team')
const appName = name('app_name', 'blinker', 'Name of the application, unique in the team')

export const registerDevice = t.Object({ device_name: deviceName, board, tag })
export const registeredDevice = t.Object({
  device_secret: t.String({
    description: 'The secret that the device is known by, shown this once: 40 hex digits',
    examples: ['3f786850e387550fdab836ed7e6dc881de23001b']
  })
})
export const updateDevice = t.Object({ board: t.Optional(board), tag })
export const createApp = t.Object({ app_name: appName })

/** The document spells the field `deivce_name`; both spellings are taken. */
export const associateDevice = t.Object(
  {
    deivce_name: t.Optional({ ...deviceName, description: 'The same, as older clients spell it; it goes before `device_name`' }),
    device_name: t.Optional({ ...deviceName, description: 'Name of a device of the team' })
  },
  { examples: [{ device_name: 'lamp' }] }
)

export const deploy = t.Object({
  board,
  tag,
  group_id: t.Optional(
    t.String({
      minLength: 1,
      maxLength: 64,
      pattern: '^[^\\u0000-\\u001f\\u007f]+$',
      error: 'group_id must be a text of at most 64 characters',
      examples: ['5f0c8a52-6a0b-4e0f-9d57-2f1c3f6f7a10'],
      description: 'Deployments that belong together have the same; a random one when left out'
    })
  )
})

export const build = t.Object({ tag })

const buildId = t.Integer({ description: 'Id of the build', examples: [1] })

export const queuedBuild = t.Object({ id: buildId }, { description: 'The build is queued' })

export const nothing = t.Object({})

const nullable = <S extends Parameters<typeof t.Union>[0][number]>(schema: S, description: string, example: unknown) =>
  t.Union([schema, t.Null()], { description, examples: [example] })

const at = '2026-03-01T12:00:00.000Z'

export const devices = t.Object({
  devices: t.Array(
    t.Object({
      name: t.String({ description: 'Unique in the team', examples: ['lamp'] }),
      board: t.String({ description: 'Board type', examples: ['esp8266'] }),
      status: t.String({
        description: '`new` (never heard of), `ready` (booted), `running` (an app), or `down` (silent for too long)',
        examples: ['running']
      }),
      tag: nullable(t.String(), 'Device tag', 'kitchen'),
      app: nullable(t.String(), 'Application that the device is associated with', 'blinker'),
      last_seen_at: nullable(t.String({ format: 'date-time' }), 'When it was last heard of, over HTTP or MQTT', at),
      deployment_id: nullable(t.Integer(), 'Deployment that the device should run', 87),
      running_id: nullable(t.Integer(), 'Deployment that the device says it runs', 87),
      connected: t.Boolean({ description: 'Whether it is connected over MQTT now', examples: [true] })
    })
  )
})

export const builtApp = t.Object({
  id: buildId,
  status: t.String({ description: '`queued`, `building`, `success` or `failure`', examples: ['success'] }),
  board: t.String({ description: 'Board type', examples: ['esp8266'] }),
  tag: nullable(t.String(), 'Tag of the deployments', 'kitchen'),
  group_id: t.String({ description: 'What the deployments have in common', examples: ['5f0c8a52-6a0b-4e0f-9d57-2f1c3f6f7a10'] }),
  failure: nullable(t.String(), 'Why it failed', 'The command exited with status 1'),
  deployments: t.Array(t.Integer({ examples: [88] }), { description: 'Ids of what was deployed' }),
  created_at: t.String({ format: 'date-time', description: 'When it was queued', examples: [at] }),
  ended_at: nullable(t.String({ format: 'date-time' }), 'When it ended', at),
  log: t.String({ description: 'What the builder wrote: the last 256 KiB of it', examples: ['cc main.c\n'] })
})

export const apps = t.Object({
  applications: t.Array(t.Object({ name: t.String({ description: 'Unique in the team', examples: ['blinker'] }) }))
})

export const log = t.Object({
  log: t.Array(
    t.Object({
      at: t.String({ format: 'date-time', description: 'When the hub received it', examples: [at] }),
      line: t.String({ description: 'The line, without its end', examples: ['booted'] })
    })
  ),
  next: t.String({ description: 'Give it as `since` to read on from here', examples: ['4711'] })
})

/** A tag as it is stored: an empty one is none. */
export const tagOf = (given: string | null | undefined) => given || null
