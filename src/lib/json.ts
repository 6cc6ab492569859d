const string = /"(?:[^"\\]|\\.)*"/y
const inner = /["{}[\]]/g
const scalarEnd = /[\s,}]/g
const gap = /[\s,:]*/y

/**
 * The text of a member's value in the text of an object, as it stands there; of several by that name the last, as
 * `JSON.parse` has it. The text must be a JSON object: that is for the caller to know.
 */
export function memberText(text: string, name: string) {
  let found: string | undefined
  let at = after(gap, text, text.indexOf('{') + 1)
  while (text[at] === '"') {
    const keyEnd = after(string, text, at)
    const key: unknown = JSON.parse(text.slice(at, keyEnd))
    const start = after(gap, text, keyEnd)
    const end = endOfValue(text, start)
    if (key === name) found = text.slice(start, end)
    at = after(gap, text, end)
  }
  return found
}

/** Where a sticky pattern that matches at `at` ends. */
function after(pattern: RegExp, text: string, at: number) {
  pattern.lastIndex = at
  pattern.test(text)
  return pattern.lastIndex
}

/** Where the next match of a pattern begins. */
function next(pattern: RegExp, text: string, at: number) {
  pattern.lastIndex = at
  return pattern.exec(text)?.index ?? text.length
}

function endOfValue(text: string, start: number) {
  const first = text[start]
  if (first === '"') return after(string, text, start)
  if (first !== '{' && first !== '[') return next(scalarEnd, text, start)
  let depth = 0
  let at = start
  do {
    at = next(inner, text, at)
    const sign = text[at]
    if (sign === '"') at = after(string, text, at)
    else {
      depth += sign === '{' || sign === '[' ? 1 : -1
      at += 1
    }
  } while (depth > 0)
  return at
}
