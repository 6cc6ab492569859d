import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../../scripts/test-server.ts'

type Ports = { http: number; mqtt: number }

/** Not the one that is documented: each request goes to the next hub, whoever is busy, so that no two that belong together meet the same. */
const config = (front: Ports, hubs: Ports[]) => `
global
  maxconn 4000
defaults
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  timeout tunnel 1h
frontend http
  mode http
  bind 127.0.0.1:${front.http}
  default_backend hubs_http
frontend mqtt
  mode tcp
  bind 127.0.0.1:${front.mqtt}
  default_backend hubs_mqtt
backend hubs_http
  mode http
  balance roundrobin
${hubs.map(({ http }, n) => `  server hub${n} 127.0.0.1:${http}`).join('\n')}
backend hubs_mqtt
  mode tcp
  balance roundrobin
${hubs.map(({ mqtt }, n) => `  server hub${n} 127.0.0.1:${mqtt}`).join('\n')}
`

/** HAProxy in front of hubs, each request and each connection at the next of them. */
export async function startBalancer(hubs: Ports[]) {
  const folder = await mkdtemp(join(tmpdir(), 'updraft-haproxy-'))
  const front = { http: await freePort(), mqtt: await freePort() }
  const file = join(folder, 'haproxy.cfg')
  await Bun.write(file, config(front, hubs))
  const child = Bun.spawn(['haproxy', '-db', '-f', file], { stdout: 'ignore', stderr: 'pipe' })
  while (!(await fetch(`http://127.0.0.1:${front.http}/health`).catch(() => undefined))) {
    if (child.exitCode !== null) throw new Error(`HAProxy does not run: ${await new Response(child.stderr).text()}`)
    await Bun.sleep(5)
  }
  return {
    ports: front,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await child.exited
      await rm(folder, { recursive: true, force: true })
    }
  }
}
