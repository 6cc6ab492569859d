import type { Config } from '../../config.ts'
import { openBeside } from '../../db/open.ts'
import { createAccountMaker } from '../../features/accounts/creation.ts'
import { createAccountOperation } from '../../features/accounts/operation.ts'
import { createPasswords } from '../../features/accounts/passwords.ts'
import { createRoles } from '../../features/accounts/roles.ts'
import { createNotices } from '../../features/notices/service.ts'
import { createTeams } from '../../features/teams/service.ts'
import { systemClock as clock } from '../../lib/clock.ts'
import { HubError } from '../../lib/errors.ts'
import { createLog } from '../../lib/log.ts'

type Operation = ReturnType<typeof createAccountOperation>

/** Works on the accounts of a hub, running or not: hubs that run are told as they are of each other's changes. */
export async function atAccounts<T>(config: Config, work: (accounts: Operation) => Promise<T>): Promise<T> {
  const db = await openBeside(config)
  try {
    const notices = createNotices({ db, clock, log: createLog('silent') })
    await notices.start()
    const teams = createTeams({ db, clock, notices })
    const make = createAccountMaker({ db, clock, notices, teams })
    return await work(
      createAccountOperation({ db, notices, passwords: createPasswords(), roles: createRoles({ db, notices }), make })
    )
  } catch (error) {
    if (!(error instanceof HubError)) throw error
    const reasons = error.reasons.filter((reason) => reason !== error.message)
    throw new Error([error.message, ...reasons].join(': '), { cause: error })
  } finally {
    await db.close()
  }
}
