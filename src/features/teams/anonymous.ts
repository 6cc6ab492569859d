import { and, asc, eq, isNull } from 'drizzle-orm'
import type { Change, Db, Reader } from '../../db/index.ts'
import { conflict, unavailable } from '../../lib/errors.ts'
import type { RateLimits } from '../accounts/limits.ts'
import type { Notices } from '../notices/service.ts'
import type { Team, Teams } from './service.ts'

const name = 'anonymous' // reserved: nobody registers by it

type Needs = { db: Db; notices: Notices; teams: Teams; limits: RateLimits }

/**
 * Gives the team of what nobody in particular has made. It is made when it is first needed, and owned by the hub's first
 * administrator, who may add others. Throws `tooMany` past what may be made from an address.
 */
export function createAnonymousTeam({ db, notices, teams: named, limits }: Needs) {
  const { teams, members, users } = db.tables
  type Anonymous = Pick<Team, 'id' | 'name'>

  async function find(reader: Reader): Promise<Anonymous | undefined> {
    const [team] = await reader
      .select({ id: teams.id, name: teams.name })
      .from(teams)
      .where(and(eq(teams.nameKey, name), isNull(teams.userId)))
    return team
  }

  async function oldestAdministrator(reader: Reader) {
    const administrators = reader.select({ id: users.id }).from(users).where(eq(users.role, 'SUPER_ADMIN'))
    const [oldest] = await administrators.orderBy(asc(users.id)).limit(1)
    if (!oldest) throw unavailable('There is no administrator yet')
    return oldest.id
  }

  async function make(change: Change): Promise<Anonymous> {
    const userId = await oldestAdministrator(change.tx)
    const id = await named.claimName(change, name)
    if (!id) {
      const made = await find(change.tx)
      if (made) return made
      throw conflict(`The name ${name} is taken by a user`)
    }
    await change.tx.insert(members).values({ teamId: id, userId, role: 'owner' })
    await notices.record(change, { type: 'team.created', teamId: id, userId, data: { team: name } })
    return { id, name }
  }

  return async (address: string) => {
    await limits.anonymous(address)
    return (await find(db.read)) ?? db.write(make)
  }
}
