import { openBeside } from '../../db/open.ts'
import { createReferences } from '../../features/blobs/references.ts'
import { counted, sized } from '../../lib/plain-numbers.ts'
import { checkBytes } from '../checks/bytes.ts'
import { checkChains } from '../checks/chains.ts'
import type { Call, Command, Outcome } from '../command.ts'
import { openStore, secretOf } from '../place.ts'

/** `verify`: rows against bytes, and the hash chains of the logs. */
export const verify: Command = {
  name: 'verify',
  summary: 'checks rows against bytes, and the hash chain of every log',
  usage: 'verify',
  about: `Every stored byte that a row needs is read and its SHA-256 computed; the log of each application is verified from where it
begins; SQLite checks its own file. Bytes that no row needs are counted: they go by themselves after an hour.
A hub may be running. Ends with 1, and a line for each, when anything is wrong.`,
  options: { quick: { about: 'looks only whether the bytes are there and of the right size, and leaves the logs out' } },
  run: check
}

async function check(call: Call): Promise<Outcome> {
  const { config, say, isOn } = call
  const secret = isOn('quick') ? '' : await secretOf(config)
  const db = await openBeside(config)
  try {
    if (!isOn('quick')) call.progress.say('The database is checked…')
    const damages = isOn('quick') ? [] : await db.damages()
    const references = createReferences({ db })
    const bytes = await checkBytes({ ...call, references, store: openStore(config) }, isOn('quick') ? 'look' : 'read')
    say(
      `Bytes: ${counted(bytes.sound, 'blob')} right, ${sized(bytes.bytes)}; ${counted(bytes.orphans, 'blob')} that nothing refers to.`
    )
    const logs = isOn('quick') ? undefined : await checkChains({ ...call, db, secret })
    if (logs) say(`Logs: ${counted(logs.entries, 'entry', 'entries')} of ${counted(logs.applications, 'application')} hold.`)
    const wrong = [...damages, ...bytes.wrong, ...(logs?.wrong ?? [])]
    for (const line of wrong) say(`WRONG  ${line}`)
    say(wrong.length === 0 ? 'Everything is right.' : `${counted(wrong.length, 'thing')} wrong.`)
    return wrong.length === 0 ? 'done' : 'wrong'
  } finally {
    await db.close()
  }
}
