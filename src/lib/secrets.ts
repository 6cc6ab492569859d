import { randomBytes, randomInt } from 'node:crypto'
import { chmod, open, readFile, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'

const base62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/** A UUID v7: unique, and ordered by the time it was made. */
export const newId = () => Bun.randomUUIDv7()

const ofThisProcess = randomBytes(5).toString('hex')
let counted = randomInt(2 ** 23)

/** An id of 24 hex digits: unique, and in the order in which this process made it. */
export function newHexId() {
  counted = (counted + 1) % 2 ** 24
  const seconds = Math.floor(Date.now() / 1000)
  return seconds.toString(16).padStart(8, '0') + ofThisProcess + counted.toString(16).padStart(6, '0')
}

/** A device secret: 40 hex digits, 160 random bits. */
export const newDeviceSecret = () => randomBytes(20).toString('hex')

/** A text of `length` random letters and digits. */
export const randomText = (length: number) => Array.from({ length }, () => base62[randomInt(base62.length)]).join('')

/** An application's API key: `app_` and 32 random letters and digits, 190 random bits. */
export const newApiKey = () => `app_${randomText(32)}`

/** The SHA-256 of a secret in hex: what is stored instead of it, and looked up by. */
export const hashSecret = (secret: string) => Bun.SHA256.hash(secret, 'hex')

/** The secret kept in a file that only the hub's user may read; made on the first call, whole or not at all. */
export async function keptSecret(path: string) {
  // An empty file is one of which a loss of power took the content: nothing was signed with that.
  if ((await contentOf(path)) === '') await writeWhole(path, randomText(48))
  await chmod(path, 0o600)
  return contentOf(path)
}

async function contentOf(path: string) {
  try {
    return (await readFile(path, 'utf8')).trim()
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
    return ''
  }
}

async function writeWhole(path: string, text: string) {
  const partial = `${path}.new`
  await rm(partial, { force: true })
  await using file = await open(partial, 'wx', 0o600)
  await file.writeFile(text)
  await file.sync()
  await rename(partial, path)
  await using folder = await open(dirname(path), 'r')
  await folder.sync()
}
