import { fileURLToPath } from 'node:url'

/** Whether this is the one-file build: then what is no code lies in `assets`, inside the executable (scripts/build.ts). */
export const isPacked = import.meta.url.startsWith('file:///$bunfs/')

/** Where a module that is started as a worker is: `inTree`, or at its path below `src` inside the executable. */
export const workerModule = (path: string, inTree: URL) =>
  isPacked ? new URL(path.replace(/\.ts$/, '.js'), import.meta.url) : inTree

/** Where a folder of the program's own files is: inside the executable, or at `inTree` beside the module that asks. */
export const assetFolder = (name: string, inTree: () => string) =>
  isPacked ? fileURLToPath(new URL(`./assets/${name}`, import.meta.url)) : inTree()
