import { copyFile, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { notInstalled } from '../measure/usage.ts'
import type { Workplace } from '../workplace.ts'
import { answers, type Server, sparePort, whenReady } from './server.ts'

/** Why nginx cannot run here, if so. */
export const nginxMissing = () => notInstalled('nginx', 'apt-get install nginx-light')

/** Starts nginx on a spare port, one worker with sendfile, with `file` at `/image`. */
export async function startNginx(workplace: Workplace, file: string): Promise<Server> {
  const [folder, port] = [workplace.folder('nginx'), await sparePort()]
  const [config, output, root] = ['nginx.conf', 'output', 'root'].map((name) => join(folder, name)) as [string, string, string]
  await mkdir(root)
  await copyFile(file, join(root, 'image'))
  await writeFile(config, configuration(folder, port))
  const child = workplace.start([program(), '-p', folder, '-e', join(folder, 'error.log'), '-c', config], { output })
  await whenReady({ what: 'nginx', child, output }, () => answers(port))
  return { pid: child.pid, port, stop: () => workplace.stop(child) }
}

const program = () => Bun.which('nginx') ?? '/usr/sbin/nginx'

// As root nginx would give up its rights, and with them the temporary folder.
const user = () => (process.getuid?.() === 0 ? 'user root;' : '')

const configuration = (folder: string, port: number) => `${user()}
daemon off;
worker_processes 1;
pid ${folder}/pid;
error_log ${folder}/error.log;
events { worker_connections 1024; }
http {
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 1000000000;
  default_type application/octet-stream;
${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `  ${name}_temp_path ${folder}/${name};`).join('\n')}
  server { listen 127.0.0.1:${port}; root ${folder}/root; }
}
`
