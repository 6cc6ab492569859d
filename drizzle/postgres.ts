import { postgresColumns } from '../src/db/columns.ts'
import { defineTables } from '../src/db/tables.ts'

// drizzle-kit reads the exported tables.
export const {
  users,
  teams,
  members,
  applications,
  devices,
  deployments,
  releases,
  votes,
  clients,
  logChains,
  logDevices,
  logSeen,
  logSightings,
  logEntries,
  logIntake,
  logJournal,
  notices,
  repos,
  watchers,
  releaseAssets,
  builds,
  files,
  runLogs,
  tasks,
  taskFiles,
  cliKeys,
  packages,
  packageTerms,
  maintainers,
  versions,
  recipes
} = defineTables(postgresColumns)
