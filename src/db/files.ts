import { join } from 'node:path'

/** SQLite's file in the hub's folder. */
export const sqliteFile = (dataDir: string) => join(dataDir, 'updraft.sqlite')
