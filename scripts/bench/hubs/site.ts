import postgres from 'postgres'
import { cpuSeconds } from '../measure/usage.ts'
import { type HubServer, startHubs } from '../servers/hub.ts'
import type { Workplace } from '../workplace.ts'

/** So many hubs on a database of their own. */
export type Site = { count: number; hubs: HubServer[]; databaseCpu(): number; hubCpu(): number }

type Server = { url: string; postmaster(): Promise<number> }
type Opening = { workplace: Workplace; server: Server; count: number; devices: number }

/** Starts hubs over a fresh database with so many devices. */
export async function openSite({ workplace, server, count, devices }: Opening): Promise<Site> {
  const name = `hubs_${count}`
  const sql = postgres(server.url, { max: 1, onnotice() {} })
  await sql.unsafe(`create database ${name} template template0 encoding 'UTF8' lc_collate 'C' lc_ctype 'C'`)
  await sql.end()
  const databaseUrl = Object.assign(new URL(server.url), { pathname: `/${name}` }).href
  const hubs = await startHubs(workplace, { devices }, { count, databaseUrl })
  const postmaster = await server.postmaster()
  return {
    count,
    hubs,
    databaseCpu: () => cpuSeconds(postmaster),
    hubCpu: () => hubs.reduce((sum, { pid }) => sum + cpuSeconds(pid), 0)
  }
}

/** What happens meanwhile costs in processor time, of all hubs and of the database, in seconds. */
export async function costOf<T>({ hubCpu, databaseCpu }: Site, work: () => Promise<T>) {
  const before = { hubs: hubCpu(), database: databaseCpu() }
  const result = await work()
  return { result, hubs: hubCpu() - before.hubs, database: databaseCpu() - before.database }
}
