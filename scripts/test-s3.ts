import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { S3Client } from 'bun'
import { streamOf } from '../src/lib/streams.ts'
import { freePort, run, untilDone } from './test-server.ts'

const programs = ['ceph-mon', 'ceph-osd', 'radosgw', 'ceph', 'ceph-authtool', 'monmaptool', 'radosgw-admin']
const account = { accessKeyId: 'updraft-tests', secretAccessKey: 'only for the tests' }

export type S3Server = { endpoint: string; accessKeyId: string; secretAccessKey: string }

/** What to tell somebody whose machine has no S3 server. */
export const s3Missing = 'left out: the store of bytes on S3; get it by: apt-get install ceph-mon ceph-osd radosgw'

/** Starts a throw-away Ceph of one node, in memory, that speaks S3 on a loopback port; undefined where the machine has none. */
export async function startS3() {
  if (programs.some((program) => !Bun.which(program))) return undefined
  const folder = await mkdtemp(join(tmpdir(), 'updraft-s3-'))
  const env = { CEPH_CONF: join(folder, 'ceph.conf') }
  const port = await freePort()
  await Bun.write(env.CEPH_CONF, configuration(folder, { s3: port, mon: [await freePort(), await freePort()] }))
  const daemons: Bun.Subprocess[] = []
  const start = (...command: string[]) =>
    daemons.push(Bun.spawn([...command, '-f'], { env: { ...process.env, ...env }, stdout: 'ignore', stderr: 'ignore' }))
  const stop = async () => {
    for (const daemon of daemons.toReversed()) daemon.kill('SIGKILL')
    await Promise.all(daemons.map(({ exited }) => exited))
    await rm(folder, { recursive: true, force: true })
  }
  try {
    await startCluster({ folder, env, start })
    const endpoint = `http://127.0.0.1:${port}`
    await untilDone(() => fetch(endpoint), 60_000)
    const keys = ['--access-key', account.accessKeyId, '--secret-key', account.secretAccessKey]
    await run(['radosgw-admin', 'user', 'create', '--uid=tests', '--display-name=tests', ...keys], env)
    await warmUp({ endpoint, ...account })
    return { endpoint, ...account, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

type Place = { folder: string; env: Record<string, string>; start: (...command: string[]) => unknown }

async function startCluster({ folder, env, start }: Place) {
  const keyring = join(folder, 'keyring')
  const monmap = join(folder, 'monmap')
  for (const part of ['mon', 'osd', 'rgw']) await mkdir(join(folder, part))
  await run(['ceph-authtool', '--create-keyring', keyring, '--gen-key', '-n', 'mon.', '--cap', 'mon', 'allow *'])
  for (const name of ['client.admin', 'osd.0', 'client.rgw.a']) {
    const caps = ['mon', 'osd', 'mgr'].flatMap((part) => ['--cap', part, 'allow *'])
    await run(['ceph-authtool', keyring, '--gen-key', '-n', name, ...caps])
  }
  const conf = await Bun.file(env.CEPH_CONF ?? '').text()
  const [, address = '', fsid = ''] = conf.match(/mon_host = (\S+)\nfsid = (\S+)/) ?? []
  await run(['monmaptool', '--create', '--addv', 'a', address, '--fsid', fsid, monmap])
  await run(['ceph-mon', '-i', 'a', '--mkfs', '--monmap', monmap, '--keyring', keyring], env)
  start('ceph-mon', '-i', 'a')
  await untilDone(() => run(['ceph', '--connect-timeout', '5', 'auth', 'import', '-i', keyring], env), 30_000)
  const osd = crypto.randomUUID()
  await run(['ceph', 'osd', 'new', osd], env)
  await run(['ceph-osd', '-i', '0', '--mkfs', '--osd-uuid', osd], env)
  await run(['ceph', 'osd', 'crush', 'add', 'osd.0', '1.0', 'root=default', 'host=localhost'], env)
  start('ceph-osd', '-i', '0')
  start('radosgw', '-n', 'client.rgw.a')
}

const configuration = (folder: string, ports: { s3: number; mon: [number, number] }) => `[global]
mon_host = [v2:127.0.0.1:${ports.mon[0]},v1:127.0.0.1:${ports.mon[1]}]
fsid = ${crypto.randomUUID()}
mon_initial_members = a
public_network = 127.0.0.0/8
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 8
osd_pool_default_pgp_num = 8
osd_pool_default_pg_autoscale_mode = off
osd_crush_chooseleaf_type = 0
mon_allow_pool_size_one = true
mon_max_pg_per_osd = 1000
mon_data_avail_crit = 1
run_dir = ${folder}
pid_file = ${folder}/$name.pid
admin_socket = ${folder}/$name.asok
log_file = ${folder}/$name.log
keyring = ${folder}/keyring
[mon.a]
mon_data = ${folder}/mon
[osd.0]
osd_data = ${folder}/osd
osd_objectstore = memstore
memstore_device_bytes = 8589934592
[client.rgw.a]
rgw_frontends = beast endpoint=127.0.0.1:${ports.s3}
rgw_data = ${folder}/rgw
`

/** An upload in parts takes seconds the first time, as the pool for it is made then. */
async function warmUp(server: S3Server) {
  await makeBucket(server, 'warm')
  const client = new S3Client({ ...server, bucket: 'warm' })
  async function* parts() {
    for (let sent = 0; sent < 12; sent++) yield new Uint8Array(1024 * 1024)
  }
  await client.write('in-parts', new Response(streamOf(parts())))
}

/** Makes a bucket. Bun's client has no call for that; but with the bucket in the host's name a key is all there is to the path. */
export async function makeBucket(server: S3Server, bucket: string) {
  const { endpoint, accessKeyId, secretAccessKey } = server
  const client = new S3Client({ endpoint, accessKeyId, secretAccessKey, virtualHostedStyle: true })
  const answer = await fetch(client.presign(bucket, { method: 'PUT' }), { method: 'PUT' })
  if (!answer.ok) throw new Error(`no bucket ${bucket}: ${await answer.text()}`)
}
