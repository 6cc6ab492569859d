import { createConnection } from 'node:net'
import { startPostgres } from '../../scripts/test-postgres.ts'
import { freePort } from '../../scripts/test-server.ts'
import { jwtSecret } from './hub.ts'
import { has } from './needs.ts'
import { type HubProcess, hubHome } from './process.ts'
import { freshBucket, s3Env, s3Server } from './s3.ts'

/** The configuration of HAProxy as it is documented. */
export const balancerConfig = new URL('../../scripts/haproxy/haproxy.cfg', import.meta.url).pathname

/** Whether there is all that several hubs behind HAProxy need. */
export const hasBalancer = () => has('haproxy', 'apt-get install haproxy')

/** A server of PostgreSQL of its own, with the URL of its database. */
export async function ownPostgres() {
  const server = await startPostgres()
  if (!server) throw new Error('PostgreSQL is not on this machine')
  return { ...server, [Symbol.asyncDispose]: server.stop }
}

/** So many hubs as processes of their own, on one PostgreSQL and, where there is S3, one bucket, behind HAProxy as it is documented. */
export async function startCluster(count: number, databaseUrl: string, env: Record<string, string> = {}) {
  const bucket = s3Server ? s3Env({ ...s3Server, bucket: (await freshBucket()).settings.bucket }) : {}
  const shared = { DATABASE_URL: databaseUrl, JWT_SECRET: jwtSecret, LOG_LEVEL: 'error', ...bucket, ...env }
  const trust = { TRUSTED_PROXIES: '127.0.0.1', MQTT_PROXY_PROTOCOL: 'true' }
  const hubs = await Promise.all(
    Array.from({ length: count }, async () => {
      const ports = { http: await freePort(), mqtt: await freePort() }
      const home = await hubHome({ ...shared, ...trust, PORT: String(ports.http), MQTT_PORT: String(ports.mqtt) })
      return { home, ports }
    })
  )
  const running: HubProcess[] = []
  for (const { home } of hubs) running.push(await home.start())
  const front = { http: await freePort(), mqtt: await freePort() }
  const places = hubs.map(({ ports }, n) => ({
    [`HUB${n + 1}_HOST`]: '127.0.0.1',
    [`HUB${n + 1}_HTTP`]: String(ports.http),
    [`HUB${n + 1}_MQTT`]: String(ports.mqtt)
  }))
  const variables = Object.assign({ HTTP_BIND: `127.0.0.1:${front.http}`, MQTT_BIND: `127.0.0.1:${front.mqtt}` }, ...places)
  const balancer = Bun.spawn(['haproxy', '-db', '-f', balancerConfig], {
    env: { ...process.env, ...variables },
    stdout: 'ignore',
    stderr: 'pipe'
  })
  await Promise.race([untilListening(front.mqtt), failed(balancer)])

  return {
    base: `http://127.0.0.1:${front.http}`,
    ports: front,
    hubs: running,
    /** Where a hub is reached past the balancer. */
    hubPorts: hubs.map(({ ports }) => ports),
    /** Ends a hub without warning, and starts it again on the same data after `ms`. */
    async crash(n: number, ms: number) {
      const { child } = running[n] as HubProcess
      child.kill('SIGKILL')
      await child.exited
      await Bun.sleep(ms)
      running[n] = await (hubs[n] as (typeof hubs)[number]).home.start()
    },
    async [Symbol.asyncDispose]() {
      balancer.kill('SIGKILL')
      await balancer.exited
      for (const { home } of hubs) await home[Symbol.asyncDispose]()
    }
  }
}

async function failed({ exited, stderr }: { exited: Promise<number>; stderr: ReadableStream<Uint8Array> }) {
  await exited
  throw new Error(`HAProxy does not run: ${await new Response(stderr).text()}`)
}

async function untilListening(port: number) {
  for (;;) {
    const { promise, resolve } = Promise.withResolvers<boolean>()
    const socket = createConnection(port, '127.0.0.1', () => resolve(true)).on('error', () => resolve(false))
    const isThere = await promise
    socket.destroy()
    if (isThere) return
    await Bun.sleep(20)
  }
}
