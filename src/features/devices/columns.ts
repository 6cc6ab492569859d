import type { Tables } from '../../db/tables.ts'

/** A device as its secret, or its team and name, finds it. */
export type Device = {
  id: string
  teamId: string
  team: string
  name: string
  board: string
  tag: string | null
  applicationId: string | null
}

/** What to select of `devices` joined with `teams` for a `Device`. */
export const deviceColumns = ({ devices, teams }: Pick<Tables, 'devices' | 'teams'>) => ({
  id: devices.id,
  teamId: devices.teamId,
  team: teams.name,
  name: devices.name,
  board: devices.board,
  tag: devices.tag,
  applicationId: devices.applicationId
})
