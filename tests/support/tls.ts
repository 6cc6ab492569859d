import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { MqttLimits } from '../../src/mqtt/limits.ts'
import { testHub } from './hub.ts'

/** A hub that also listens over TLS, with a certificate made for it. */
export async function tlsHub(mqttLimits: Partial<MqttLimits> = {}, env: Record<string, string> = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'updraft-tls-'))
  const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')]
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost']
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '1']
  const made = Bun.spawnSync(['openssl', 'req', '-x509', ...kind, ...subject, '-keyout', key, '-out', cert])
  if (!made.success) throw new Error(made.stderr.toString())
  const hub = await testHub({ mqttLimits, env: { MQTTS_PORT: '0', TLS_CERT_FILE: cert, TLS_KEY_FILE: key, ...env } })
  const dispose = async () => {
    await hub[Symbol.asyncDispose]()
    await rm(folder, { recursive: true })
  }
  return { ...hub, cert, tlsPort: hub.ports.mqtts ?? 0, [Symbol.asyncDispose]: dispose }
}
