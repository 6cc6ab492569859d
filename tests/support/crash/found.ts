import { Database } from 'bun:sqlite'
import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { HubProcess } from '../process.ts'
import { type Cast, voted } from './cast.ts'

type Page = { body: unknown }

/** What a hub has of all that was written under load, as its documents tell it. */
export function findings(hub: HubProcess, { headers, logged, programId, packageId }: Cast) {
  const get = async <T>(path: string) => ((await hub.call(`GET ${path}`, { headers })) as Page).body as T

  async function builds() {
    const all: { version: string; success_count: number }[] = []
    for (let cursor: string | null = ''; cursor !== null; ) {
      const path = `/applications/${programId}/builds?limit=100${cursor && `&cursor=${cursor}`}`
      const page: { builds: typeof all; next: string | null } = await get(path)
      all.push(...page.builds)
      cursor = page.next
    }
    return all
  }

  return {
    builds,
    /** The lines of a device, oldest first. */
    async linesOf(device: string) {
      const lines: string[] = []
      for (let since = ''; ; ) {
        const page = await get<{ log: { line: string }[]; next: string }>(`/admin/devices/${device}/log?since=${since}`)
        if (page.log.length === 0) return lines
        lines.push(...page.log.map(({ line }) => line))
        since = page.next
      }
    },
    /** The ids of the entries that programs have sent. */
    async entries() {
      const ids: string[] = []
      for (let cursor = ''; ; ) {
        const path = `/api/v1/logs?application_id=${logged.id}&log_type=crash&limit=500${cursor}`
        const page = await get<{ data: { payload: { id: string } }[]; next?: string }>(path)
        ids.push(...page.data.map(({ payload }) => payload.id))
        if (page.next === undefined) return ids
        cursor = `&cursor=${page.next}`
      }
    },
    /** The applications whose hash chain is broken. */
    async brokenChains() {
      const { data } = await get<{ data: { id: string }[] }>('/api/v1/applications?include_inactive=true')
      const broken: unknown[] = []
      for (const { id } of data) {
        const verified = await get<{ data: { intact: boolean } }>(`/api/v1/logs/verify-chain?application_id=${id}`)
        if (!verified.data.intact) broken.push(verified.data)
      }
      return { applications: data.length, broken }
    },
    versions: () => get<string[]>(`/v1/packages/${packageId}/versions`),
    votes: async () => (await builds()).find(({ version }) => version === voted)?.success_count ?? 0
  }
}

/** The column of a table of a hub's database, past the hub. */
export function columnOf(dataDir: string, table: string, column: string) {
  using database = new Database(join(dataDir, 'updraft.sqlite'), { readonly: true })
  return database.query(`select ${column} from ${table} where ${column} is not null`).values().flat() as string[]
}

/** The files of a folder of bytes whose digest is not their name. */
export async function damagedIn(folder: string) {
  const files = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile())
  const damaged: string[] = []
  for (const { parentPath, name } of files) {
    const digest = createHash('sha256')
      .update(await readFile(join(parentPath, name)))
      .digest('hex')
    if (digest !== name) damaged.push(join(parentPath, name))
  }
  return { damaged, names: new Set(files.map(({ name }) => name)) }
}
