import { spawn } from 'bun'

const usage = `bun run generate --name what-changes

Writes the migrations that bring both databases from the last ones to src/db/tables.ts.`

const args = process.argv.slice(2)
if (args.includes('--help')) {
  console.log(usage)
  process.exit(0)
}
for (const dialect of ['sqlite', 'postgres']) {
  const command = [process.execPath, 'x', 'drizzle-kit', 'generate', '--config', `drizzle/${dialect}.config.ts`, ...args]
  const code = await spawn(command, { stdin: 'inherit', stdout: 'inherit', stderr: 'inherit' }).exited
  if (code !== 0) process.exit(code)
}
