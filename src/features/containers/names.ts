const longest = 200

/** A file's name as it may be put into a folder: its last part, without what could lead out of the folder or break a line. */
export function safeName(given: string) {
  const last =
    given
      .toWellFormed()
      .split(/[/\\]/)
      .findLast((part) => part !== '' && part !== '.' && part !== '..') ?? ''
  const plain = last.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '_').trim()
  return clipped(plain === '' || plain === '.' || plain === '..' ? 'file' : plain)
}

/** Names that differ: the second `a.txt` becomes `a-2.txt`. Those that are `taken` already are left to others. */
export function distinctNames(names: string[], taken: string[] = []) {
  const used = new Set(taken)
  return names.map((name) => {
    const chosen = firstFree(name, used)
    used.add(chosen)
    return chosen
  })
}

function firstFree(name: string, used: Set<string>) {
  const dot = name.lastIndexOf('.')
  const [stem, ending] = dot > 0 ? [name.slice(0, dot), name.slice(dot)] : [name, '']
  let chosen = name
  for (let number = 2; used.has(chosen); number++) chosen = `${stem}-${number}${ending}`
  return chosen
}

/** At most so many bytes, with its ending kept. */
function clipped(name: string) {
  if (Buffer.byteLength(name) <= longest) return name
  const ending = name.match(/\.[\w.]{1,20}$/)?.[0] ?? ''
  const stem = Buffer.from(name)
    .subarray(0, longest - ending.length)
    .toString('utf8')
    .replace(/\ufffd+$/, '')
  return stem + ending
}
