import { createHmac } from 'node:crypto'
import { jwt } from '@elysiajs/jwt'
import { LRUCache } from 'lru-cache'
import type { Clock } from '../../lib/clock.ts'
import { hashSecret, newId } from '../../lib/secrets.ts'

// Each kind of token has an issuer of its own: none can pass for another.
const accessTokens = 'updraft'
const cliKeys = 'updraft-cli'
const uploads = 'updraft-upload'
const signIns = 'updraft-github'

const lifetime = '24h'
const lengthAtMost = 2048

/** How long an upload token holds, and how long a sign-in with GitHub may take, in ms. */
export const shortLifetime = 10 * 60_000

export type Tokens = ReturnType<typeof createTokens>

/**
 * Whom a token names, and until when (seconds since 1970; a CLI key, named by `keyId`, has no end of its own). `mark`: of the
 * password that the user had when the token was issued.
 */
export type Claims = { userId: string; expiresAt: number; keyId?: string; mark?: string }

/** What an access token says of its user's password: with another password it is another, and tells nothing of it. */
export const markOf = (passwordHash: string) => hashSecret(passwordHash).slice(0, 16)

/** Signs and verifies tokens: JWT, HS256. Verified ones are remembered by their hash, up to 10,000. */
export function createTokens(secret: string, clock: Clock) {
  const access = jwt({ name: 'jwt', secret, iss: accessTokens, exp: lifetime }).decorator.jwt
  const { sign, verify } = jwt({ name: 'jwt', secret }).decorator.jwt
  const known = new LRUCache<string, Claims>({ max: 10_000 })
  const algorithms = ['HS256']

  async function verified(token: string): Promise<Claims | undefined> {
    const claims = await access.verify(token, { algorithms, issuer: accessTokens, requiredClaims: ['exp', 'sub', 'iat'] })
    if (!claims) return verifiedKey(token)
    if (typeof claims.sub !== 'string' || typeof claims.exp !== 'number') return undefined
    return { userId: claims.sub, expiresAt: claims.exp, mark: typeof claims.pwd === 'string' ? claims.pwd : '' }
  }

  async function verifiedKey(token: string): Promise<Claims | undefined> {
    const claims = await verify(token, { algorithms, issuer: cliKeys, requiredClaims: ['sub', 'jti', 'name', 'iat'] })
    if (!claims || typeof claims.sub !== 'string' || typeof claims.jti !== 'string') return undefined
    return { userId: claims.sub, keyId: claims.jti, expiresAt: Number.POSITIVE_INFINITY }
  }

  const inTenMinutes = () => Math.floor((clock.now().getTime() + shortLifetime) / 1000)

  const readShort = (token: string, issuer: string) =>
    token.length > lengthAtMost
      ? false
      : verify(token, { algorithms, issuer, requiredClaims: ['exp', 'sub'], currentDate: clock.now() })

  return {
    /** A new access token of a user: it holds as long as the password stays. */
    issue: ({ id, passwordHash }: { id: string; passwordHash: string }) =>
      access.sign({ sub: id, jti: newId(), pwd: markOf(passwordHash) }),

    /** A CLI key: it holds until its row is deleted. */
    issueKey: ({ userId, keyId, name }: { userId: string; keyId: string; name: string }) =>
      sign({ iss: cliKeys, sub: userId, jti: keyId, name }),

    /** Whom the token names; undefined for one that is forged, of another hub or expired. */
    async read(token: string): Promise<Claims | undefined> {
      if (token.length > lengthAtMost) return undefined
      const key = hashSecret(token)
      const claims = known.get(key) ?? (await verified(token))
      if (!claims || claims.expiresAt * 1000 <= Date.now()) return undefined
      known.set(key, claims)
      return claims
    },

    /** A token for the upload of one recipe's archive: 10 minutes. */
    issueUpload: (recipeId: string) => sign({ iss: uploads, sub: recipeId, exp: inTenMinutes() }),

    /** The recipe that an upload token is for, and when the token ends; undefined for one that does not hold. */
    async readUpload(token: string) {
      const claims = await readShort(token, uploads)
      if (!claims || typeof claims.sub !== 'string' || typeof claims.exp !== 'number') return undefined
      return { recipeId: claims.sub, expiresAt: new Date(claims.exp * 1000) }
    },

    /** A `state` for a sign-in with GitHub, which is to send the browser to `returnTo`: 10 minutes. */
    issueState: (returnTo: string) => sign({ iss: signIns, sub: returnTo, jti: newId(), exp: inTenMinutes() }),

    /** Where GitHub was to send the browser of a sign-in; undefined for a `state` that this hub has not issued, or too long ago. */
    async readState(state: string) {
      const claims = await readShort(state, signIns)
      return claims && typeof claims.sub === 'string' ? claims.sub : undefined
    },

    /** The PKCE verifier of a sign-in: nobody who has only seen its `state` can tell it. */
    verifierOf: (state: string) => createHmac('sha256', secret).update(`pkce ${state}`).digest('base64url')
  }
}
