import { eq } from 'drizzle-orm'
import { type Db, given } from '../../db/index.ts'
import { forbidden, unauthorized } from '../../lib/errors.ts'
import { hashSecret } from '../../lib/secrets.ts'
import type { RateLimits } from '../accounts/limits.ts'
import type { Application } from '../applications/service.ts'

export type Keys = ReturnType<typeof createKeys>

/**
 * Which application an API key is of. It is looked up each time, by an index: a key renewed, an application made inactive
 * or gone are refused at once, whichever node did it.
 */
export function createKeys({ db, limits }: { db: Db; limits: RateLimits }) {
  const { applications, teams } = db.tables
  const byHash = db.prepare((database) =>
    database
      .select({
        id: applications.id,
        slug: applications.slug,
        isActive: applications.isActive,
        teamId: teams.id,
        team: teams.name
      })
      .from(applications)
      .innerJoin(teams, eq(teams.id, applications.teamId))
      .where(eq(applications.apiKeyHash, given('hash')))
  )

  return {
    /**
     * The application whose API key this is. Throws `unauthorized` for none, an unknown or a replaced one, `tooMany` after
     * too many of those from an address, and `forbidden` for the key of an inactive application.
     */
    async applicationOf(key: string | undefined, address: string): Promise<Application> {
      if (!key) throw unauthorized('Authentication required. Provide API key via X-API-Key header')
      const [found] = await byHash.read({ hash: hashSecret(key) })
      if (!found) {
        await limits.wrongApiKey(address)
        throw unauthorized('Invalid API key')
      }
      if (!found.isActive) throw forbidden('Application is inactive')
      return { id: found.id, slug: found.slug, team: { id: found.teamId, name: found.team } }
    }
  }
}
