import { parentPort } from 'node:worker_threads'
import { type LuaComplaint, readLua } from './lua-parser.ts'

/** What the worker is asked, and what it answers. */
export type Question = { id: number; text: string }
export type Answer = { id: number; complaint: LuaComplaint }

parentPort?.on('message', ({ id, text }: Question) => {
  const answer: Answer = { id, complaint: readLua(text) }
  parentPort?.postMessage(answer, [])
})
