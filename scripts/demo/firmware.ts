import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ensure, readable } from './journal.ts'

export const compiler = 'xtensa-lx106-elf-gcc'
/** The C source of the firmware. */
export const source = fileURLToPath(new URL('blink.c', import.meta.url))
const shippedImage = fileURLToPath(new URL('blink.image', import.meta.url))
/** How it is compiled. */
export const flags = ['-Os', '-mtext-section-literals', '-nostdlib', '-s', '-Wl,-e,start', '-Wl,-Ttext=0x40210010']

const elf = { magic: '7f454c46', class32: 1, littleEndian: 1, executable: 2, xtensa: 94 }

/** A version of the firmware, as it left the compiler. */
export type Firmware = { version: number; bytes: Buffer<ArrayBuffer>; sha256: string; md5: string }

/** Makes a firmware of each version: compiled where the compiler is, or else from the shipped image. `say` is told which. */
export async function makeFirmwares(versions: number[], options: { folder: string; shipped: boolean; say(line: string): void }) {
  const found = options.shipped ? null : Bun.which(compiler)
  if (!found && !options.shipped) options.say(`${compiler} is not on this machine; get it by: apt-get install gcc-xtensa-lx106`)
  const image = found ? (version: number) => compile(version, options.folder) : numberedImage
  const images = await Promise.all(versions.map(image))
  const firmwares = images.map((bytes, i) => firmwareOf(versions[i] ?? 0, bytes))
  const sizes = [...new Set(firmwares.map(({ bytes }) => readable(bytes.length)))].join(' or ')
  const how = found ? `Compiled blink.c by ${compiler}` : 'Took the shipped blink.image'
  options.say(`${how}: ${versions.length} versions, each an ESP8266 ELF image of ${sizes} bytes`)
  return firmwares
}

/** Digests in hex. */
export const digest = (algorithm: 'sha256' | 'md5', bytes: Uint8Array) => createHash(algorithm).update(bytes).digest('hex')

async function compile(version: number, folder: string) {
  const image = join(folder, `blink-${version}.image`)
  const child = Bun.spawn([compiler, ...flags, `-DVERSION=${version}`, '-o', image, source], { stdout: 'ignore', stderr: 'pipe' })
  const complaints = await new Response(child.stderr).text()
  ensure((await child.exited) === 0, `${compiler} refused blink.c:\n${complaints}`)
  return readFile(image)
}

/** The shipped image with its version as four bytes more at the end, where an ELF loader does not look. */
async function numberedImage(version: number) {
  const end = Buffer.alloc(4)
  end.writeUInt32LE(version)
  return Buffer.concat([await readFile(shippedImage), end])
}

function firmwareOf(version: number, bytes: Buffer<ArrayBuffer>): Firmware {
  const about = `version ${version} of the firmware`
  ensure(bytes.subarray(0, 4).toString('hex') === elf.magic, `${about} is no ELF file`)
  ensure(bytes[4] === elf.class32 && bytes[5] === elf.littleEndian, `${about} is not for a 32-bit little-endian machine`)
  ensure(bytes.readUInt16LE(16) === elf.executable, `${about} is not linked`)
  ensure(bytes.readUInt16LE(18) === elf.xtensa, `${about} is not for Xtensa`)
  return { version, bytes, sha256: digest('sha256', bytes), md5: digest('md5', bytes) }
}
