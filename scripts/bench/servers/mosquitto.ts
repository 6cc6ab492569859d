import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { notInstalled } from '../measure/usage.ts'
import type { Workplace } from '../workplace.ts'
import { answers, type Server, sparePort, whenReady } from './server.ts'

/** Why mosquitto cannot run here, if so. */
export const mosquittoMissing = () => notInstalled('mosquitto', 'apt-get install mosquitto')

/** Starts mosquitto on a spare port: nothing persistent, nothing logged, anybody may do anything. */
export async function startMosquitto(workplace: Workplace): Promise<Server> {
  const [folder, port] = [workplace.folder('mosquitto'), await sparePort()]
  const [config, output] = [join(folder, 'mosquitto.conf'), join(folder, 'output')]
  await writeFile(config, configuration(port))
  const child = workplace.start([Bun.which('mosquitto') ?? '/usr/sbin/mosquitto', '-c', config], { output })
  await whenReady({ what: 'mosquitto', child, output }, () => answers(port))
  return { pid: child.pid, port, stop: () => workplace.stop(child) }
}

const configuration = (port: number) =>
  [
    `listener ${port} 127.0.0.1`,
    ...(process.getuid?.() === 0 ? ['user root'] : []), // it would become another user, who may not read here
    'allow_anonymous true',
    'persistence false',
    'log_type error',
    'max_connections -1',
    'set_tcp_nodelay true',
    ''
  ].join('\n')
