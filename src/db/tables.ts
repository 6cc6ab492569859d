import type { Columns } from './columns.ts'
import { defineApplications } from './tables/applications.ts'
import { defineFleet } from './tables/fleet.ts'
import { defineLogs } from './tables/logs.ts'
import { definePeople } from './tables/people.ts'
import { defineReleases } from './tables/releases.ts'

/** Every table, written once for both databases. */
export function defineTables(columns: Columns) {
  const people = definePeople(columns)
  const applications = defineApplications(columns, people)
  const fleet = defineFleet(columns, { ...people, ...applications })
  const releases = defineReleases(columns, applications)
  const logs = defineLogs(columns, applications)
  return { ...people, ...applications, ...fleet, ...releases, ...logs }
}

export type Tables = ReturnType<typeof defineTables>
