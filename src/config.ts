import { resolve } from 'node:path'
import Type, { type Static } from 'typebox'
import { Value } from 'typebox/value'
import { parseBytes, parseDuration } from './lib/text.ts'

const text = (description: string, options: { default?: string; minLength?: number } = {}) =>
  Type.String({ description, ...options })
const port = (description: string, options: { default?: number } = {}) =>
  Type.Integer({ description, minimum: 0, maximum: 65535, ...options })
const size = (description: string, fallback: string) =>
  Type.String({
    description,
    default: fallback,
    pattern: '^\\d{1,12} ?([kKmMgGtT]?)([iI]?[bB])?$',
    title: 'a size such as 32MiB'
  })
const count = (description: string, options: { default?: number } = {}) =>
  Type.Integer({ description, minimum: 1, maximum: 1_000_000, title: 'a whole number from 1 on', ...options })
const duration = (description: string, fallback: string) =>
  Type.String({
    description,
    default: fallback,
    pattern: '^\\d{1,9} ?(ms|s|m|h|d)$',
    title: 'a length of time such as 90s, 15m or 30d'
  })

const flag = (description: string, fallback: 'true' | 'false') =>
  Type.Union([Type.Literal('true'), Type.Literal('false')], { description, default: fallback, title: 'true or false' })

/** Every variable the hub reads, with what it is for. */
const Environment = Type.Object({
  HOST: text('address that HTTP and MQTT listen on', { default: '127.0.0.1', minLength: 1 }),
  PORT: port('HTTP port', { default: 3000 }),
  PUBLIC_URL: Type.Optional(text('address under which clients reach the hub, e.g. https://hub.example.org')),
  MQTT_PORT: port('MQTT port', { default: 1883 }),
  MQTTS_PORT: Type.Optional(port('MQTT port over TLS; needs TLS_CERT_FILE and TLS_KEY_FILE')),
  MQTT_MAX_CONNECTIONS: count('how many MQTT connections there may be', { default: 20_000 }),
  MQTT_MAX_CONNECTIONS_PER_ADDRESS: Type.Optional(
    count('how many of them from one address; 1000 when unset, but from this machine as many as there may be')
  ),
  MQTT_ANONYMOUS: flag('whether desktop clients may sign in to MQTT by their client id alone', 'true'),
  TLS_CERT_FILE: Type.Optional(text('certificate chain, PEM')),
  TLS_KEY_FILE: Type.Optional(text('private key of the certificate, PEM')),
  DATA_DIR: text('folder of the database, the stored bytes and the generated secrets', { default: './data', minLength: 1 }),
  DATABASE_URL: Type.Optional(text('postgres://… moves the rows from SQLite to PostgreSQL')),
  JWT_SECRET: Type.Optional(
    text('key that signs access tokens, at least 32 characters; made and kept in DATA_DIR when unset', { minLength: 32 })
  ),
  ADMIN_EMAIL: Type.Optional(text('email of the first administrator', { minLength: 3 })),
  ADMIN_PASSWORD: Type.Optional(text('password of the first administrator, at least 8 characters', { minLength: 8 })),
  ANONYMOUS_APPLICATIONS: flag('whether POST /applications needs no user', 'false'),
  DEVICE_DOWN_AFTER: duration('silence after which a device is listed as down', '3m'),
  IMAGE_MAX_BYTES: size('largest firmware image', '32MiB'),
  BUILD_MAX_BYTES: size('largest desktop build', '1GiB'),
  LOG_RETENTION: duration('how long log lines and notices are kept', '30d'),
  LOG_LEVEL: Type.Union(
    ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'].map((level) => Type.Literal(level)),
    { description: 'how much is logged', default: 'info', title: 'trace, debug, info, warn, error, fatal or silent' }
  ),
  METRICS_TOKEN: Type.Optional(
    Type.String({
      description: 'credential that GET /metrics asks for; without one it answers this machine only',
      pattern: '^\\S{16,}$',
      title: 'at least 16 characters without spaces'
    })
  ),
  CORS_ORIGINS: Type.Optional(text('web origins that may call the hub from a browser, separated by commas, or *'))
})

type Environment = Static<typeof Environment>
export type Config = ReturnType<typeof resolveConfig>

/** All that is wrong with the environment, a line each. */
export class ConfigError extends Error {
  override name = 'ConfigError'
}

/** Reads and checks the environment; throws one ConfigError that names every problem. */
export function readConfig(variables: Record<string, string | undefined>): Config {
  const given = Object.fromEntries(
    Object.keys(Environment.properties).map((name) => [name, variables[name]?.trim() || undefined])
  )
  const present = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
  const environment = Value.Convert(Environment, Value.Default(Environment, present))
  const problems = [...complaints(environment), ...contradictions(present)]
  if (problems.length > 0) throw new ConfigError(problems.join('\n'))
  return resolveConfig(environment as Environment)
}

/** The variables as lines of text, for `--help`. */
export function describeConfig() {
  const entries = Object.entries(Environment.properties) as [string, { description?: string; default?: string | number }][]
  return entries.map(([name, { description, default: fallback }]) => {
    const note = fallback === undefined ? '' : ` (default ${fallback})`
    return `  ${name.padEnd(32)} ${description}${note}`
  })
}

function complaints(environment: unknown) {
  const seen = new Map<string, string>()
  for (const { instancePath, message } of Value.Errors(Environment, environment)) {
    const name = instancePath.split('/')[1] ?? ''
    const schema = (Environment.properties as Record<string, { title?: string }>)[name]
    if (name !== '' && !seen.has(name)) seen.set(name, `${name} ${schema?.title ? `must be ${schema.title}` : message}`)
  }
  return [...seen.values()]
}

function contradictions(given: Record<string, string | undefined>) {
  const rules: [boolean, string][] = [
    [
      given.MQTTS_PORT !== undefined && !(given.TLS_CERT_FILE && given.TLS_KEY_FILE),
      'MQTTS_PORT needs TLS_CERT_FILE and TLS_KEY_FILE'
    ],
    [(given.TLS_CERT_FILE === undefined) !== (given.TLS_KEY_FILE === undefined), 'TLS_CERT_FILE and TLS_KEY_FILE go together'],
    [
      given.DATABASE_URL !== undefined && !/^postgres(ql)?:\/\//.test(given.DATABASE_URL),
      'DATABASE_URL must start with postgres://'
    ],
    [given.DATABASE_URL !== undefined && given.JWT_SECRET === undefined, 'JWT_SECRET must be set when DATABASE_URL is'],
    [(given.ADMIN_EMAIL === undefined) !== (given.ADMIN_PASSWORD === undefined), 'ADMIN_EMAIL and ADMIN_PASSWORD go together'],
    [given.PUBLIC_URL !== undefined && !URL.canParse(given.PUBLIC_URL), 'PUBLIC_URL must be a URL']
  ]
  return rules.filter(([broken]) => broken).map(([, sentence]) => sentence)
}

// What the pattern of a variable lets through can be read.
const milliseconds = (text: string) => parseDuration(text) ?? 0
const bytes = (text: string) => parseBytes(text) ?? 0

function resolveConfig(environment: Environment) {
  const { HOST, PORT, MQTT_PORT, MQTTS_PORT, TLS_CERT_FILE, TLS_KEY_FILE } = environment
  return {
    host: HOST,
    port: PORT,
    publicUrl: environment.PUBLIC_URL?.replace(/\/+$/, ''),
    mqttPort: MQTT_PORT,
    tls: TLS_CERT_FILE && TLS_KEY_FILE ? { certFile: TLS_CERT_FILE, keyFile: TLS_KEY_FILE, port: MQTTS_PORT ?? 8883 } : undefined,
    mqttMaxConnections: environment.MQTT_MAX_CONNECTIONS,
    mqttMaxConnectionsPerAddress: environment.MQTT_MAX_CONNECTIONS_PER_ADDRESS,
    mqttAnonymous: environment.MQTT_ANONYMOUS === 'true',
    dataDir: resolve(environment.DATA_DIR),
    databaseUrl: environment.DATABASE_URL,
    jwtSecret: environment.JWT_SECRET,
    admin:
      environment.ADMIN_EMAIL && environment.ADMIN_PASSWORD
        ? { email: environment.ADMIN_EMAIL, password: environment.ADMIN_PASSWORD }
        : undefined,
    anonymousApplications: environment.ANONYMOUS_APPLICATIONS === 'true',
    deviceDownAfter: milliseconds(environment.DEVICE_DOWN_AFTER),
    imageMaxBytes: bytes(environment.IMAGE_MAX_BYTES),
    buildMaxBytes: bytes(environment.BUILD_MAX_BYTES),
    logRetention: milliseconds(environment.LOG_RETENTION),
    logLevel: environment.LOG_LEVEL,
    metricsToken: environment.METRICS_TOKEN,
    corsOrigins: environment.CORS_ORIGINS?.split(',').map((origin) => origin.trim()) ?? []
  }
}
