import { runCommand } from './run.ts'

process.exit(await runCommand(process.argv.slice(2)))
