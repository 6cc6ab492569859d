import { plainName } from '../../lib/text.ts'

/** What a username, a team, a device and an application may be called: a letter, then letters, digits, `-` and `_`. */
export const namePattern = '^[a-zA-Z][a-zA-Z0-9_-]*$'

export const usernameMaxLength = 32

/**
 * Names that no account and no team may have, because the hub routes them as the first segment of a path or of a topic.
 * A test derives them from the routes and the topics and fails when one is not here.
 */
export const reservedNames = new Set(
  [
    ['applications', 'builds', 'health'],
    ['register', 'login', 'repos', 'tasks', 'files'],
    ['v1', 'packages'],
    ['auth', 'devices', 'apps'],
    ['api'],
    ['anonymous', 'me', 'teams', 'events', 'metrics', 'swagger', 'mqtt', 'downloads']
  ].flat()
)

/** How names are compared and kept unique: without case. */
export const nameKey = (name: string) => name.toLowerCase()

export const isReserved = (name: string) => reservedNames.has(nameKey(name))

/** Usernames made from a display name or else an email, the plainest first: `ada-lovelace`, `ada-lovelace-2`, … */
export function* usernamesFrom(name: string, email: string) {
  const plain = (text: string) => plainName(text, usernameMaxLength - 5)
  const base = plain(name) || plain(email.split('@')[0] ?? '') || 'user'
  if (!isReserved(base)) yield base
  for (let n = 2; n < 10_000; n++) yield `${base}-${n}`
}
