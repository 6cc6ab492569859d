import { access, chown, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import postgres from 'postgres'
import { freePort, run } from './test-server.ts'

const howToGetIt = 'apt-get install postgresql'

/** Starts a throw-away PostgreSQL on a loopback port, by default without waiting for the disk; undefined where the machine has none. */
export async function startPostgres({ fsync = 'off' }: { fsync?: 'on' | 'off' } = {}) {
  const bin = await findBinaries()
  if (!bin) return undefined
  const folder = await mkdtemp(join(tmpdir(), 'updraft-postgres-'))
  const as = await unprivileged(folder)
  const data = join(folder, 'data')
  await run([...as, join(bin, 'initdb'), '-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '-N'])
  const port = await freePort()
  const options = ['-h', '127.0.0.1', '-p', String(port), '-k', folder, '-c', `fsync=${fsync}`, '-c', 'max_connections=300']
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`
  const serve = () => Bun.spawn([...as, join(bin, 'postgres'), '-D', data, ...options], { stdout: 'ignore', stderr: 'ignore' })
  let server = serve()
  await untilReady(url)

  /** Ends it, like a crash where nothing else is asked for. */
  const halt = async (mode: 'immediate' | 'fast' = 'immediate') => {
    await run([...as, join(bin, 'pg_ctl'), '-D', data, '-m', mode, 'stop'])
    await server.exited
  }

  const postmaster = async () => Number((await readFile(join(data, 'postmaster.pid'), 'utf8')).split('\n')[0])

  return {
    url,
    halt,
    /** The process that all others of it are children of. */
    postmaster,
    /** Starts it again on the same data and port. */
    async resume() {
      server = serve()
      await untilReady(url)
    },
    /** Sends a signal to all of its processes. */
    async signal(name: 'SIGSTOP' | 'SIGCONT') {
      const first = await postmaster()
      const children = await readFile(`/proc/${first}/task/${first}/children`, 'utf8')
      for (const pid of [...children.trim().split(' ').map(Number), first]) process.kill(pid, name)
      if (name === 'SIGCONT') server.kill(name) // whoever runs it as another user has stopped by itself
    },
    async stop() {
      await halt()
      await rm(folder, { recursive: true, force: true })
    }
  }
}

/** What to tell somebody whose machine has no PostgreSQL. */
export const postgresMissing = `left out: the suite on PostgreSQL; get it by: ${howToGetIt}`

async function findBinaries() {
  const onPath = Bun.which('initdb')
  if (onPath) return join(onPath, '..')
  const root = '/usr/lib/postgresql'
  const versions = await readdir(root).catch(() => [])
  for (const version of versions.toSorted((a, b) => Number(b) - Number(a))) {
    const bin = join(root, version, 'bin')
    if (
      await access(join(bin, 'initdb')).then(
        () => true,
        () => false
      )
    )
      return bin
  }
  return undefined
}

/** PostgreSQL refuses to run as root; as root, it runs as the user that its package made. */
async function unprivileged(folder: string) {
  if (process.getuid?.() !== 0) return []
  const { stdout } = Bun.spawnSync(['id', '-u', 'postgres'])
  await chown(folder, Number(stdout.toString()), -1)
  return ['runuser', '-u', 'postgres', '--']
}

async function untilReady(url: string) {
  const deadline = Date.now() + 20_000
  for (;;) {
    const sql = postgres(url, { max: 1, connect_timeout: 2, fetch_types: false, onnotice: () => {} })
    try {
      await sql`select 1`
      return
    } catch (error) {
      if (Date.now() > deadline) throw error
      await Bun.sleep(100)
    } finally {
      await sql.end()
    }
  }
}
