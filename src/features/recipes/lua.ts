import { Worker } from 'node:worker_threads'
import { workerModule } from '../../lib/assets.ts'
import { invalid, tooMany, unavailable } from '../../lib/errors.ts'
import type { LuaComplaint } from './lua-parser.ts'
import type { Answer, Question } from './lua-worker.ts'

const module = workerModule('features/recipes/lua-worker.ts', new URL('./lua-worker.ts', import.meta.url))

const waitingAtMost = 200
const longest = 10_000

type Waiting = PromiseWithResolvers<LuaComplaint>

export type LuaCheck = ReturnType<typeof createLuaCheck>

/** Checks recipes in a thread of their own, begun with the first: there are texts that take the parser most of a second. */
export function createLuaCheck() {
  const waiting = new Map<number, Waiting>()
  let worker: Worker | undefined
  let asked = 0

  function start() {
    const started = new Worker(module)
    started.on('message', ({ id, complaint }: Answer) => waiting.get(id)?.resolve(complaint))
    started.on('error', (error) => {
      if (worker === started) worker = undefined
      failAll(error)
    })
    started.unref()
    return started
  }

  function failAll(error: unknown) {
    for (const { reject } of waiting.values()) reject(error)
  }

  async function complaintAbout(text: string) {
    const question: Question = { id: ++asked, text }
    const answer = Promise.withResolvers<LuaComplaint>()
    waiting.set(question.id, answer)
    const timer = setTimeout(() => answer.reject(unavailable('The recipe could not be checked in time')), longest)
    try {
      worker ??= start()
      worker.postMessage(question, [])
      return await answer.promise
    } finally {
      clearTimeout(timer)
      waiting.delete(question.id)
    }
  }

  return {
    /** Throws `invalid` for a text that is no Lua 5.3, with line and column; `tooMany` when too many wait to be checked. */
    async check(text: string) {
      if (waiting.size >= waitingAtMost) throw tooMany(5)
      const complaint = await complaintAbout(text)
      if (complaint) throw invalid(sentenceOf(complaint))
    },

    /** Ends the thread. */
    async stop() {
      failAll(unavailable('The hub is stopping'))
      await worker?.terminate()
    }
  }
}

function sentenceOf({ sentence, line, column }: NonNullable<LuaComplaint>) {
  const where = line === undefined ? '' : ` at line ${line}, column ${column}`
  return `recipe does not parse as Lua${where}: ${sentence}`
}
