import type { Columns } from './columns.ts'
import { defineApplications } from './tables/applications.ts'
import { defineBuilds } from './tables/builds.ts'
import { defineFleet } from './tables/fleet.ts'
import { defineLogs } from './tables/logs.ts'
import { definePeople } from './tables/people.ts'
import { defineRegistry } from './tables/registry.ts'
import { defineReleases } from './tables/releases.ts'
import { defineTasks } from './tables/tasks.ts'
import { defineWatch } from './tables/watch.ts'

/** Every table, written once for both databases. */
export function defineTables(columns: Columns) {
  const people = definePeople(columns)
  const applications = defineApplications(columns, people)
  const fleet = defineFleet(columns, { ...people, ...applications })
  const releases = defineReleases(columns, applications)
  const logs = defineLogs(columns, applications)
  const watch = defineWatch(columns, people)
  const builds = defineBuilds(columns, applications)
  const tasks = defineTasks(columns, { ...people, ...applications })
  const registry = defineRegistry(columns, people)
  return { ...people, ...applications, ...fleet, ...releases, ...logs, ...watch, ...builds, ...tasks, ...registry }
}

export type Tables = ReturnType<typeof defineTables>
