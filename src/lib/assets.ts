import { fileURLToPath } from 'node:url'

/** Whether this is the one-file build: then what is no code lies in `assets`, inside the executable (scripts/build.ts). */
export const isPacked = import.meta.url.startsWith('file:///$bunfs/')

/** Where a folder of the program's own files is: inside the executable, or at `inTree` beside the module that asks. */
export const assetFolder = (name: string, inTree: () => string) =>
  isPacked ? fileURLToPath(new URL(`./assets/${name}`, import.meta.url)) : inTree()
