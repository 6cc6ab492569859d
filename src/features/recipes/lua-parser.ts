import lua from 'luaparse'

/** Lua itself takes no more (LUAI_MAXCCALLS); here it also bounds what jumps out of nested blocks cost. */
const depthAtMost = 200
const sentenceAtMost = 200
const tooDeep = 'it is nested too deeply'

// luaparse 0.3.1 looks at the token before the one that it complains of, which the very first text may not have.
lua.parse('')

/** What is wrong with a text as Lua, with the line and the column, both from 1; null where nothing is. */
export type LuaComplaint = { sentence: string; line?: number; column?: number } | null

/** Reads a text as Lua 5.3, without running any of it. */
export function readLua(text: string): LuaComplaint {
  let depth = 0
  const deeper = () => {
    if (++depth > depthAtMost) throw new RangeError(tooDeep)
  }
  try {
    const scopes = { scope: true, onCreateScope: deeper, onDestroyScope: () => void depth-- }
    lua.parse(text, { luaVersion: '5.3', comments: false, ...scopes })
    return null
  } catch (error) {
    return complaintOf(error, text)
  }
}

function complaintOf(error: unknown, text: string): LuaComplaint {
  if (error instanceof RangeError) return { sentence: tooDeep } // also: expressions that are too deep for the stack
  if (!isSyntaxError(error)) return { sentence: 'it cannot be read' }
  const sentence = error.message.replace(/^\[\d+:\d+\] /, '')
  // What is not finished is found to be so one or two characters past the end.
  const end = (text.split(/\r\n|\n\r|\n|\r/)[error.line - 1]?.length ?? 0) + 1
  return { sentence: cut(sentence), line: error.line, column: Math.min(error.column + 1, end) }
}

const isSyntaxError = (error: unknown): error is SyntaxError & { line: number; column: number } =>
  error instanceof SyntaxError && 'line' in error && 'column' in error

const cut = (sentence: string) => (sentence.length > sentenceAtMost ? `${sentence.slice(0, sentenceAtMost)}…` : sentence)
