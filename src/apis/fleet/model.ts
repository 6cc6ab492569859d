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
  description: 'Board type'
})

const tagText = t.String({ maxLength: 64, pattern: '^[^\\u0000-\\u001f\\u007f]*$' })

const tag = t.Optional(
  t.Union([tagText, t.Null()], {
    error: 'tag must be null or a text of at most 64 characters',
    examples: ['kitchen'],
    description: 'Chooses a part of the devices; null or empty: none'
  })
)

const deviceName = name('device_name', 'lamp', 'Name of the device, unique in the team')
const appName = name('app_name', 'blinker', 'Name of the application, unique in the team')

export const registerDevice = t.Object({ device_name: deviceName, board, tag })
export const registeredDevice = t.Object({
  device_secret: t.String({
    description: 'Shown once: the device is known by it over HTTP and MQTT',
    examples: ['0f3a9c…40 hex digits']
  })
})
export const updateDevice = t.Object({ board: t.Optional(board), tag })
export const createApp = t.Object({ app_name: appName })

/** The document spells the field `deivce_name`; both spellings are taken. */
export const associateDevice = t.Object({
  deivce_name: t.Optional({ ...deviceName, description: "The document's spelling" }),
  device_name: t.Optional(deviceName)
})

export const deploy = t.Object({
  board,
  tag,
  group_id: t.Optional(
    t.String({
      minLength: 1,
      maxLength: 64,
      pattern: '^[^\\u0000-\\u001f\\u007f]+$',
      error: 'group_id must be a text of at most 64 characters',
      examples: ['5f0c8a52-release-7'],
      description: 'Groups deployments; made up when left out'
    })
  )
})

export const nothing = t.Object({})

const nullable = <S extends Parameters<typeof t.Union>[0][number]>(schema: S, description: string) =>
  t.Union([schema, t.Null()], { description })

export const devices = t.Object({
  devices: t.Array(
    t.Object({
      name: t.String({ examples: ['lamp'] }),
      board: t.String({ examples: ['esp8266'] }),
      status: t.String({ description: 'new, ready, running, or down when silent for too long', examples: ['running'] }),
      tag: nullable(t.String(), 'Device tag'),
      app: nullable(t.String(), 'Application that the device is associated with'),
      last_seen_at: nullable(t.String({ format: 'date-time' }), 'Last heartbeat or MQTT message'),
      deployment_id: nullable(t.Integer(), 'Deployment that the device should run'),
      running_id: nullable(t.Integer(), 'Deployment that the device says it runs'),
      connected: t.Boolean({ description: 'Connected over MQTT, now' })
    })
  )
})

export const apps = t.Object({ applications: t.Array(t.Object({ name: t.String({ examples: ['blinker'] }) })) })

export const log = t.Object({
  log: t.Array(t.Object({ at: t.String({ format: 'date-time' }), line: t.String() })),
  next: t.String({ description: 'Give it as `since` to read on from here', examples: ['4711'] })
})

/** A tag as it is stored: an empty one is none. */
export const tagOf = (given: string | null | undefined) => given || null
