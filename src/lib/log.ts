import pino from 'pino'

const hidden = [
  'password',
  'passwordHash',
  'password_confirmation',
  'secret',
  'token',
  'access_token',
  'authorization',
  'key',
  'apiKey'
]

/** The hub's logger: JSON lines on standard output, with everything that looks like a credential cut out. */
export const createLog = (level: string, destination?: pino.DestinationStream) =>
  pino(
    { level, redact: { paths: hidden.flatMap((name) => [name, `*.${name}`]), censor: '[hidden]' } },
    destination ?? pino.destination(1)
  )

export type Log = pino.Logger
