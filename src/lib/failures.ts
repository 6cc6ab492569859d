import { HubError } from './errors.ts'

const retryAfter = 2 // seconds

const away = 'The database does not answer'
const busy = 'The database is busy at present'
const full = 'There is no room left to store anything'

// What PostgreSQL, its driver, SQLite and the system say where it is not the request that is at fault.
const sentences: [RegExp, string][] = [
  [/^(CONNECTION_(CLOSED|ENDED|DESTROYED)|CONNECT_TIMEOUT)$/, away],
  [/^(ECONNREFUSED|ECONNRESET|ETIMEDOUT|EPIPE|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN)$/, away],
  [/^(08...|57P0[1-5]|53300|25P03|25006|58030)$/, away],
  [/^(55P03|57014|40001|40P01|SQLITE_BUSY.*|SQLITE_LOCKED.*)$/, busy],
  [/^(53100|ENOSPC|EDQUOT|SQLITE_FULL)$/, full],
  [/^(EIO|SQLITE_(IOERR.*|CANTOPEN.*|READONLY.*))$/, away]
]

/** Says for what lies below that it does not do its work at present. */
export const failing = (message: string) => new HubError('unavailable', message, { retryAfter })

/** The database does not answer. */
export const databaseAway = () => failing(away)

/** There is no room left to store anything. */
export const noRoom = () => failing(full)

/** What an error, or its cause, is as the failure of something below that may pass; undefined where it is anything else. */
export function asUnavailable(error: unknown): HubError | undefined {
  for (let one = error; one instanceof Error; one = one.cause) {
    if (one instanceof HubError) return one.kind === 'unavailable' ? one : undefined
    const code = 'code' in one ? String(one.code) : ''
    const sentence = sentences.find(([pattern]) => pattern.test(code))?.[1]
    if (sentence) return failing(sentence)
  }
  return undefined
}
