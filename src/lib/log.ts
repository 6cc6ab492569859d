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

const isOfQuery = (error: Error) => error.name === 'DrizzleQueryError' || 'query' in error

function* chainOf(error: unknown) {
  for (let one = error; one instanceof Error; one = one.cause) yield one
}

/** A database driver's message holds the values of the failed query, secrets among them: only its kind and stack frames are kept. */
function shownError(error: unknown) {
  if (!(error instanceof Error)) return { type: typeof error }
  const chain = [...chainOf(error)]
  if (!chain.some(isOfQuery)) return pino.stdSerializers.err(error)
  const kinds = chain.map((one) => ({ name: one.name, code: 'code' in one ? one.code : undefined }))
  return { type: error.name, kinds, frames: error.stack?.split('\n').filter((line) => line.trimStart().startsWith('at ')) }
}

/** The hub's logger: JSON lines on standard output, with everything that looks like a credential cut out. */
export const createLog = (level: string, destination?: pino.DestinationStream) =>
  pino(
    {
      level,
      serializers: { err: shownError },
      redact: { paths: hidden.flatMap((name) => [name, `*.${name}`]), censor: '[hidden]' }
    },
    destination ?? pino.destination(1)
  )

export type Log = pino.Logger
