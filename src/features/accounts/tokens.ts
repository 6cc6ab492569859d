import { jwt } from '@elysiajs/jwt'
import { LRUCache } from 'lru-cache'
import { hashSecret, newId } from '../../lib/secrets.ts'

const issuer = 'updraft'
const lifetime = '24h'

export type Tokens = ReturnType<typeof createTokens>

/** Whom a token names, and until when (seconds since 1970). */
export type Claims = { userId: string; expiresAt: number }

/** Signs and verifies access tokens: JWT, HS256, 24 hours. Verified ones are remembered by their hash, up to 10,000. */
export function createTokens(secret: string) {
  const { sign, verify } = jwt({ name: 'jwt', secret, iss: issuer, exp: lifetime }).decorator.jwt
  const known = new LRUCache<string, Claims>({ max: 10_000 })

  async function verified(token: string): Promise<Claims | undefined> {
    const claims = await verify(token, { algorithms: ['HS256'], issuer, requiredClaims: ['exp', 'sub', 'iat'] })
    if (!claims || typeof claims.sub !== 'string' || typeof claims.exp !== 'number') return undefined
    return { userId: claims.sub, expiresAt: claims.exp }
  }

  return {
    /** A new access token of a user. */
    issue: (userId: string) => sign({ sub: userId, jti: newId() }),

    /** Whom the token names; undefined for one that is forged, of another hub or expired. */
    async read(token: string): Promise<Claims | undefined> {
      if (token.length > 2048) return undefined
      const key = hashSecret(token)
      const claims = known.get(key) ?? (await verified(token))
      if (!claims || claims.expiresAt * 1000 <= Date.now()) return undefined
      known.set(key, claims)
      return claims
    }
  }
}
