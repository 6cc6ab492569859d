import type { Group } from '../../command.ts'
import { sqlite } from './sqlite.ts'

/** `import`: from elsewhere into PostgreSQL. */
export const importing: Group = { name: 'import', summary: 'moves a hub from SQLite to PostgreSQL', commands: [sqlite] }
