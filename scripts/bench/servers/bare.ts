import { join } from 'node:path'
import type { Workplace } from '../workplace.ts'
import { answers, type Server, sparePort, whenReady } from './server.ts'

/** Starts one of the peers that are a script beside this file, on a spare port. */
export async function startScript(
  workplace: Workplace,
  script: 'bare-server.ts' | 'aedes-server.ts' | 'sqlite-server.ts' | 'lookup-server.ts',
  env: Record<string, string> = {}
): Promise<Server> {
  const port = await sparePort()
  const folder = workplace.folder('script')
  const output = join(folder, 'output')
  const child = workplace.start([process.execPath, join(import.meta.dir, script)], {
    env: { PORT: String(port), FOLDER: folder, ...env },
    output
  })
  await whenReady({ what: script, child, output }, () => answers(port))
  return { pid: child.pid, port, stop: () => workplace.stop(child) }
}
