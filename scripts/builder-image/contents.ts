import { chmod, cp, mkdir, readdir, realpath, symlink } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const compiler = 'xtensa-lx106-elf-gcc'
const target = 'xtensa-lx106-elf'
const tools = ['gcc', 'as', 'ld', 'ar', 'nm', 'objcopy', 'objdump', 'ranlib', 'size', 'strip']
const programs = ['cc1', 'collect2', 'lto-wrapper', 'liblto_plugin.so']
const script = fileURLToPath(new URL('build.sh', import.meta.url))

/** The packages of Debian's that the image is made of. */
export const howToGetThem = 'apt-get install gcc-xtensa-lx106 busybox-static'

/** What an image is told of itself as it is imported. */
export const changes = ['ENV PATH=/usr/bin:/bin', 'WORKDIR /src', 'CMD ["/bin/build"]']

/** Copies what compiles C for the esp8266 out of this machine into a folder that is to become an image. Throws where it is not here. */
export async function gatherBuilder(folder: string) {
  if (!Bun.which(compiler) || !Bun.which('busybox'))
    throw new Error(`The compiler is not on this machine; get it by: ${howToGetThem}`)
  await Promise.all(['src', 'out', 'tmp'].map((name) => mkdir(join(folder, name), { recursive: true })))
  await chmod(join(folder, 'tmp'), 0o777)
  await gatherShell(folder)
  const found = tools.map((tool) => Bun.which(`${target}-${tool}`)).filter((path) => path !== null)
  const make = Bun.which('make')
  const executables = [...found, ...(make ? [make] : []), ...(await gatherLibrary(folder))]
  for (const path of executables) await copyInto(folder, path)
  for (const path of await sharedBy(executables)) await copyInto(folder, path)
  await cp(script, join(folder, 'bin/build'))
  await chmod(join(folder, 'bin/build'), 0o755)
}

/** Copies busybox into a folder, with all the commands that it is. */
export async function gatherShell(folder: string) {
  const busybox = Bun.which('busybox') ?? ''
  await mkdir(join(folder, 'bin'), { recursive: true })
  await cp(busybox, join(folder, 'bin/busybox'))
  const names = Bun.spawnSync([busybox, '--list']).stdout.toString().split('\n')
  const applets = names.filter((name) => name !== '' && name !== 'busybox')
  await Promise.all(applets.map((name) => symlink('busybox', join(folder, 'bin', name))))
}

/** Copies what the compiler reads and links; gives the programs that it starts. */
async function gatherLibrary(folder: string) {
  const own = dirname(Bun.spawnSync([compiler, '-print-libgcc-file-name']).stdout.toString().trim())
  const names = await readdir(own)
  const kept = names.filter((name) => /\.[ao]$/.test(name) || name.startsWith('include'))
  for (const name of kept) await cp(join(own, name), join(folder, own, name), { recursive: true })
  const linker = `/usr/lib/${target}`
  await cp(linker, join(folder, linker), { recursive: true, verbatimSymlinks: true })
  return programs.filter((name) => names.includes(name)).map((name) => join(own, name))
}

/** Copies a file to the place that it has here, under the name that it is asked for by. */
async function copyInto(folder: string, path: string) {
  const to = join(folder, dirname(path), basename(path))
  await mkdir(dirname(to), { recursive: true })
  await cp(await realpath(path), to, { dereference: true })
}

/** The shared libraries of programs, the loader among them. */
async function sharedBy(paths: string[]) {
  const { stdout } = Bun.spawnSync(['ldd', ...paths])
  return new Set([...stdout.toString().matchAll(/(?:=> )?(\/\S+) \(0x/g)].map(([, path = '']) => path))
}
