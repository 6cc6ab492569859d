import type { Db } from '../db/index.ts'
import type { Clock } from '../lib/clock.ts'
import type { Tokens } from './accounts/tokens.ts'
import type { Notices } from './notices/service.ts'
import { createLatestRecipes } from './packages/latest.ts'
import { createMaintainers } from './packages/maintainers.ts'
import { createPackages } from './packages/service.ts'
import { createArchives } from './recipes/archives.ts'
import { createLuaCheck } from './recipes/lua.ts'
import { createRecipes } from './recipes/service.ts'

type Needs = { db: Db; clock: Clock; notices: Notices; tokens: Tokens }

/** Packages, who maintains them, and what is published of them. */
export function createRegistry({ db, clock, notices, tokens }: Needs) {
  const latest = createLatestRecipes({ db, notices })
  const maintainers = createMaintainers({ db, notices })
  const packages = createPackages({ db, clock, notices, latest })
  const lua = createLuaCheck()
  const recipes = createRecipes({ db, clock, notices, tokens, maintainers, latest, lua })
  const archives = createArchives({ db, clock, tokens, maintainers, recipes })
  return { packages, maintainers, recipes, archives, lua }
}
