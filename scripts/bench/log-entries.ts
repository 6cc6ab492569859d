/** For how long the plain database is to insert. */
export type Asked = { seconds: number }

/** An entry of a log by its number, as a program might say it: some 100 bytes. */
export const entryOf = (number: number) => ({
  type: 'audit',
  payload: `{"user":"ada","action":"login","address":"10.0.0.1","attempt":${number},"detail":{"ok":true}}`
})

/** So many entries as lines of JSON. */
export const linesOf = (howMany: number) =>
  Array.from({ length: howMany }, (_, n) => {
    const { type, payload } = entryOf(n)
    return `{"log_type":"${type}","payload":${payload}}\n`
  }).join('')
