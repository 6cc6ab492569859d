import { type SQL, sql } from 'drizzle-orm'
import type { Tables } from '../../db/tables.ts'

/**
 * Which deployment a device should run: same application, same board, tag equal to the device's or none; the newest.
 * As columns to select from `devices`: the newest of the device's tag and the newest of no tag, each one seek in
 * `deployments_choice` however many there are. `newest` takes the later of the two.
 */
export function choiceColumns({ devices, deployments }: Pick<Tables, 'devices' | 'deployments'>) {
  // Drizzle leaves the table's name off the columns that stand directly in a selected expression: one level down it keeps
  // it, and without it `devices.application_id` would be read as the deployment's own.
  const newestWhere = (tagged: SQL) =>
    sql<number | string | null>`${sql`(select max(${deployments.id}) from ${deployments}
      where ${deployments.applicationId} = ${devices.applicationId} and ${deployments.board} = ${devices.board} and ${tagged})`}`
  return {
    ofTag: newestWhere(sql`${deployments.tag} = ${devices.tag}`),
    ofNoTag: newestWhere(sql`${deployments.tag} is null`)
  }
}

/** The id of the deployment that a row selected with `choiceColumns` should run, or null. */
export function newest({ ofTag, ofNoTag }: { ofTag: number | string | null; ofNoTag: number | string | null }) {
  return Math.max(Number(ofTag ?? 0), Number(ofNoTag ?? 0)) || null
}
