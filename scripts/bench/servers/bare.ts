import { join } from 'node:path'
import type { Workplace } from '../workplace.ts'
import { answers, type Server, sparePort, whenReady } from './server.ts'

/** Starts one of the peers that are a script beside this file, on a spare port. */
export async function startScript(workplace: Workplace, script: 'bare-server.ts' | 'aedes-server.ts'): Promise<Server> {
  const port = await sparePort()
  const output = join(workplace.folder('script'), 'output')
  const child = workplace.start([process.execPath, join(import.meta.dir, script)], { env: { PORT: String(port) }, output })
  await whenReady({ what: script, child, output }, () => answers(port))
  return { pid: child.pid, port, stop: () => workplace.stop(child) }
}
