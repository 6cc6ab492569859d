import { resolve } from 'node:path'
import Type, { type Static, type TSchema } from 'typebox'
import { Value } from 'typebox/value'
import { createNetworks } from './lib/networks.ts'
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
  MQTT_PROXY_PROTOCOL: flag('whether TRUSTED_PROXIES begin MQTT connections with the PROXY protocol, version 1 or 2', 'false'),
  TRUSTED_PROXIES: Type.Optional(
    text('addresses and networks (10.0.0.0/8), separated by commas, of proxies that are believed whom they pass on')
  ),
  DRAIN_TIME: duration('over how long clients are let go before the hub stops', '0s'),
  TLS_CERT_FILE: Type.Optional(text('certificate chain, PEM')),
  TLS_KEY_FILE: Type.Optional(text('private key of the certificate, PEM')),
  DATA_DIR: text('folder of the database, the stored bytes and the generated secrets', { default: './data', minLength: 1 }),
  DATABASE_URL: Type.Optional(text('postgres://… moves the rows from SQLite to PostgreSQL')),
  S3_BUCKET: Type.Optional(text('bucket that keeps the bytes, instead of DATA_DIR', { minLength: 1 })),
  S3_ENDPOINT: Type.Optional(text("address of the S3 server, e.g. https://s3.example.org; Amazon's when unset")),
  S3_REGION: Type.Optional(text('region of the bucket', { minLength: 1 })),
  S3_ACCESS_KEY_ID: Type.Optional(text('id of the key that the bucket is read and written with')),
  S3_SECRET_ACCESS_KEY: Type.Optional(text('the secret that belongs to S3_ACCESS_KEY_ID')),
  JWT_SECRET: Type.Optional(
    text('key that signs access tokens, at least 32 characters; made and kept in DATA_DIR when unset', { minLength: 32 })
  ),
  ADMIN_EMAIL: Type.Optional(text('email of the first administrator', { minLength: 3 })),
  ADMIN_PASSWORD: Type.Optional(text('password of the first administrator, at least 8 characters', { minLength: 8 })),
  ANONYMOUS_APPLICATIONS: flag('whether POST /applications needs no user', 'false'),
  DEVICE_DOWN_AFTER: duration('silence after which a device is listed as down', '3m'),
  IMAGE_MAX_BYTES: size('largest firmware image', '32MiB'),
  GITHUB_API_URL: text("address of GitHub's API; of an Enterprise Server https://<host>/api/v3", {
    default: 'https://api.github.com'
  }),
  GITHUB_URL: text('address of GitHub, where people sign in; of an Enterprise Server https://<host>', {
    default: 'https://github.com'
  }),
  GITHUB_CLIENT_ID: Type.Optional(text('what the hub is known by at GitHub: with it people sign in by GitHub')),
  GITHUB_CLIENT_SECRET: Type.Optional(text('the secret that belongs to GITHUB_CLIENT_ID')),
  GITHUB_TOKEN: Type.Optional(
    Type.String({
      description: 'token with which the hub polls, for a larger quota; what it may read, every user may',
      pattern: '^[\\x21-\\x7e]+$',
      title: 'a token without spaces'
    })
  ),
  REPO_POLL_INTERVAL: duration('how often GitHub is asked for the latest release of each watched repo; 0s: never', '15m'),
  ASSET_MAX_BYTES: size('largest release asset that is fetched', '1GiB'),
  SOURCE_MAX_BYTES: size('largest source archive of a build', '32MiB'),
  FILE_MAX_BYTES: size('how much one upload of files for tasks may have', '256MiB'),
  ARCHIVE_MAX_BYTES: size('largest archive of a recipe', '64MiB'),
  DOCKER_HOST: Type.Optional(
    Type.String({
      description: 'Docker or Podman: unix:///path/to.sock, or tcp://host:port; /var/run/docker.sock when unset',
      pattern: '^(unix:///\\S+|(tcp|https?)://[^\\s/]+/?)$',
      title: 'unix:///path/to.sock or tcp://host:port'
    })
  ),
  BUILDER_IMAGE_ESP8266: Type.Optional(text('image that compiles firmware for the esp8266', { minLength: 1 })),
  TASK_NETWORK: Type.String({
    description: 'network of the containers: none, bridge or the name of one',
    default: 'none',
    // On the host's own, or that of a container, they would reach what listens for this machine only.
    pattern: '^(?!host$)[a-zA-Z0-9][a-zA-Z0-9_.-]*$',
    title: 'none, bridge or the name of a network of the engine, and not host'
  }),
  TASK_MEMORY: size('memory of a container', '512m'),
  TASK_CPUS: Type.Number({ description: 'processors of a container', default: 1, minimum: 0.1, title: 'a number from 0.1 on' }),
  TASK_DISK: size('how much a container may write to its disk', '2GiB'),
  TASK_LOG: size('how much a container may write of log', '16MiB'),
  TASK_TIMEOUT: duration('how long a container may run', '1h'),
  TASK_CONCURRENCY: count('how many tasks, and how many builds, run at a time', { default: 2 }),
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
  const problems = [...complaints(environment as Record<string, unknown>), ...contradictions(present)]
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

/** Each variable is checked by itself: of a whole object, the library tells of the first eight problems only. */
function complaints(environment: Record<string, unknown>) {
  return Object.entries(Environment.properties).flatMap(([name, schema]: [string, TSchema & { title?: string }]) => {
    if (environment[name] === undefined) return []
    const [first] = Value.Errors(schema, environment[name])
    return first ? [`${name} ${schema.title ? `must be ${schema.title}` : first.message}`] : []
  })
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
    ...contradictionsOfS3(given),
    [given.PUBLIC_URL !== undefined && !URL.canParse(given.PUBLIC_URL), 'PUBLIC_URL must be a URL'],
    [
      given.GITHUB_API_URL !== undefined && !/^https?:$/.test(URL.parse(given.GITHUB_API_URL)?.protocol ?? ''),
      'GITHUB_API_URL must be an http or https URL'
    ],
    [
      given.GITHUB_URL !== undefined && !/^https?:$/.test(URL.parse(given.GITHUB_URL)?.protocol ?? ''),
      'GITHUB_URL must be an http or https URL'
    ],
    [
      (given.GITHUB_CLIENT_ID === undefined) !== (given.GITHUB_CLIENT_SECRET === undefined),
      'GITHUB_CLIENT_ID and GITHUB_CLIENT_SECRET go together'
    ]
  ]
  return [...rules, ...behindProxies(given)].filter(([broken]) => broken).map(([, sentence]) => sentence)
}

function contradictionsOfS3(given: Record<string, string | undefined>): [boolean, string][] {
  const account = [given.S3_BUCKET, given.S3_ACCESS_KEY_ID, given.S3_SECRET_ACCESS_KEY]
  const missing = account.filter((value) => value === undefined).length
  const elsewhere = given.S3_ENDPOINT ?? given.S3_REGION
  return [
    [missing > 0 && missing < account.length, 'S3_BUCKET, S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY go together'],
    [missing === account.length && elsewhere !== undefined, 'S3_ENDPOINT and S3_REGION need S3_BUCKET'],
    [
      given.S3_ENDPOINT !== undefined && !/^https?:$/.test(URL.parse(given.S3_ENDPOINT)?.protocol ?? ''),
      'S3_ENDPOINT must be an http or https URL'
    ]
  ]
}

const behindProxies = (given: Record<string, string | undefined>): [boolean, string][] => [
  [given.MQTT_PROXY_PROTOCOL === 'true' && given.TRUSTED_PROXIES === undefined, 'MQTT_PROXY_PROTOCOL needs TRUSTED_PROXIES'],
  [networksIn(given.TRUSTED_PROXIES) === undefined, 'TRUSTED_PROXIES must be addresses and networks such as 10.0.0.0/8']
]

/** The networks of a list; undefined where one of them is none. */
function networksIn(listed = '') {
  try {
    return createNetworks(separated(listed))
  } catch {
    return undefined
  }
}

const separated = (list: string) =>
  list
    .split(',')
    .map((one) => one.trim())
    .filter((one) => one !== '')

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
    mqttProxyProtocol: environment.MQTT_PROXY_PROTOCOL === 'true',
    trustedProxies: createNetworks(separated(environment.TRUSTED_PROXIES ?? '')),
    drainTime: milliseconds(environment.DRAIN_TIME),
    mqttAnonymous: environment.MQTT_ANONYMOUS === 'true',
    dataDir: resolve(environment.DATA_DIR),
    databaseUrl: environment.DATABASE_URL,
    s3: resolveS3(environment),
    jwtSecret: environment.JWT_SECRET,
    admin:
      environment.ADMIN_EMAIL && environment.ADMIN_PASSWORD
        ? { email: environment.ADMIN_EMAIL, password: environment.ADMIN_PASSWORD }
        : undefined,
    anonymousApplications: environment.ANONYMOUS_APPLICATIONS === 'true',
    deviceDownAfter: milliseconds(environment.DEVICE_DOWN_AFTER),
    ...resolveSizes(environment),
    githubApiUrl: environment.GITHUB_API_URL.replace(/\/+$/, ''),
    githubUrl: environment.GITHUB_URL.replace(/\/+$/, ''),
    githubClientId: environment.GITHUB_CLIENT_ID,
    githubClientSecret: environment.GITHUB_CLIENT_SECRET,
    watching: resolveWatching(environment),
    builderImage: environment.BUILDER_IMAGE_ESP8266,
    containers: resolveContainers(environment),
    logRetention: milliseconds(environment.LOG_RETENTION),
    logLevel: environment.LOG_LEVEL,
    metricsToken: environment.METRICS_TOKEN,
    corsOrigins: environment.CORS_ORIGINS?.split(',').map((origin) => origin.trim()) ?? []
  }
}

/** The bucket that keeps the bytes, where there is one. */
function resolveS3({ S3_BUCKET, S3_ENDPOINT, S3_REGION, S3_ACCESS_KEY_ID, S3_SECRET_ACCESS_KEY }: Environment) {
  if (!S3_BUCKET || !S3_ACCESS_KEY_ID || !S3_SECRET_ACCESS_KEY) return undefined
  const account = { accessKeyId: S3_ACCESS_KEY_ID, secretAccessKey: S3_SECRET_ACCESS_KEY }
  return { bucket: S3_BUCKET, endpoint: S3_ENDPOINT?.replace(/\/+$/, ''), region: S3_REGION, ...account }
}

/** How repos at GitHub are watched. */
function resolveWatching(environment: Environment) {
  return {
    token: environment.GITHUB_TOKEN,
    interval: milliseconds(environment.REPO_POLL_INTERVAL),
    assetLimit: bytes(environment.ASSET_MAX_BYTES)
  }
}

/** How much of each an upload may have. */
const resolveSizes = (environment: Environment) => ({
  imageMaxBytes: bytes(environment.IMAGE_MAX_BYTES),
  buildMaxBytes: bytes(environment.BUILD_MAX_BYTES),
  sourceMaxBytes: bytes(environment.SOURCE_MAX_BYTES),
  fileMaxBytes: bytes(environment.FILE_MAX_BYTES),
  archiveMaxBytes: bytes(environment.ARCHIVE_MAX_BYTES)
})

/** What is run in containers, and what it may use. */
function resolveContainers(environment: Environment) {
  return {
    host: environment.DOCKER_HOST ?? 'unix:///var/run/docker.sock',
    atOnce: environment.TASK_CONCURRENCY,
    limits: {
      network: environment.TASK_NETWORK,
      memory: bytes(environment.TASK_MEMORY),
      cpus: environment.TASK_CPUS,
      disk: bytes(environment.TASK_DISK),
      log: bytes(environment.TASK_LOG),
      time: milliseconds(environment.TASK_TIMEOUT)
    }
  }
}
