import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freshDatabase } from './databases.ts'
import { jwtSecret } from './hub.ts'

const main = new URL('../../src/command/main.ts', import.meta.url).pathname

/** Starts the operator's command as a process, as a person does: its words, the environment, and what it reads. */
export const startOperating = (words: string, env: Record<string, string>, input = '') =>
  Bun.spawn([process.execPath, main, ...words.split(' ').filter(Boolean)], {
    env: { PATH: process.env.PATH ?? '', ...env },
    stdin: new Blob([input]),
    stdout: 'pipe',
    stderr: 'pipe'
  })

/** Runs the operator's command to its end. */
export async function operate(words: string, env: Record<string, string>, input = '') {
  const child = startOperating(words, env, input)
  const [output, complaints] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()])
  return { code: await child.exited, output, complaints }
}

/** Runs the operator's command at a terminal: waits for each prompt, then types what belongs to it. Gives all that is shown. */
export async function operateAtTerminal(words: string, env: Record<string, string>, dialogue: [prompt: string, typed: string][]) {
  let shown = ''
  const rest = [...dialogue]
  const child = Bun.spawn([process.execPath, main, ...words.split(' ')], {
    env: { PATH: process.env.PATH ?? '', ...env },
    terminal: {
      data(terminal, bytes) {
        shown += new TextDecoder().decode(bytes)
        const [next] = rest
        if (!next || !shown.endsWith(next[0])) return
        rest.shift()
        terminal.write(next[1])
      }
    }
  })
  const code = await child.exited
  child.terminal?.close()
  return { code, shown: Bun.stripANSI(shown).replaceAll('\r', '') }
}

/** An empty place for a hub, with the environment that names it: a folder, and a database of its own where this run is on PostgreSQL. */
export async function emptyPlace() {
  const folder = await mkdtemp(join(tmpdir(), 'updraft-command-'))
  const database = await freshDatabase()
  const env: Record<string, string> = {
    DATA_DIR: join(folder, 'data'),
    ...(database ? { DATABASE_URL: database.url, JWT_SECRET: jwtSecret } : {})
  }
  return {
    folder,
    env,
    async [Symbol.asyncDispose]() {
      await database?.drop()
      await rm(folder, { recursive: true, force: true })
    }
  }
}
