import { cp, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { servedAssets } from '../src/apis/hub/docs.ts'

const usage = `Makes the one-file build: bun run build

The program with Bun, its packages, the migrations and the files of Swagger UI in one executable, dist/updraft. Without a
word it is the hub; with words it is the operator's command: dist/updraft --help.

  --outfile <file>   where to put it (dist/updraft)
  --help             this text`

/** What runs in a thread of its own (src/lib/assets.ts finds it). */
const workers = ['src/features/recipes/lua-worker.ts', 'src/features/logs/fold-worker.ts', 'src/db/copy-worker.ts']

const root = fileURLToPath(new URL('..', import.meta.url))
try {
  const { values } = parseArgs({ options: { outfile: { type: 'string' }, help: { type: 'boolean', short: 'h' } } })
  if (values.help) console.log(usage)
  else await build(values.outfile ?? join(root, 'dist', 'updraft'))
} catch (error) {
  console.error(`The program was not built: ${error instanceof Error ? error.message : String(error)}`)
  process.exitCode = 1
}

async function build(outfile: string) {
  const staging = await mkdtemp(join(tmpdir(), 'updraft-build-'))
  try {
    await gatherAssets(join(staging, 'assets'))
    await mkdir(dirname(outfile), { recursive: true })
    const { success, logs } = await Bun.build({
      entrypoints: ['src/updraft.ts', ...workers].map((path) => join(root, path)),
      root: join(root, 'src'),
      // Not minified: Elysia reads the source of handlers. What lies about where it is started is none of its business.
      compile: { outfile, assets: [join(staging, 'assets')], autoloadDotenv: false, autoloadBunfig: false },
      bytecode: true,
      format: 'esm',
      sourcemap: 'none'
    })
    for (const line of logs) console.error(line)
    if (!success) process.exit(1)
    console.log(`${outfile}: ${(Bun.file(outfile).size / 1024 ** 2).toFixed(0)} MiB`)
  } finally {
    await rm(staging, { recursive: true, force: true })
  }
}

/** What the program reads by name, where src/lib/assets.ts finds it. */
async function gatherAssets(folder: string) {
  for (const dialect of ['sqlite', 'postgres'])
    await cp(join(root, 'drizzle', dialect), join(folder, 'drizzle', dialect), {
      recursive: true,
      filter: (path) => !path.endsWith('_snapshot.json')
    })
  const swagger = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'))
  for (const name of [...servedAssets, 'LICENSE', 'NOTICE']) await cp(join(swagger, name), join(folder, 'swagger-ui', name))
}
