import { runCommand } from './command/run.ts'

/** The one-file build: without a word it is the hub, with words the operator's command. */
const words = process.argv.slice(2)
if (words.length === 0) await import('./main.ts')
else process.exit(await runCommand(words[0] === 'hub' ? words.slice(1) : words))
