import { crc32, deflateRawSync } from 'node:zlib'

/** An entry of a zip archive; `mode` as of Unix, with the kind of file; `claims` is a size other than its own. */
export type ZipEntry = { name: string; data?: string | Uint8Array; mode?: number; claims?: number; flags?: number }

const asFile = 0o100644

/** A zip archive by hand: also such as no program for archives would write. */
export function zipOf(entries: ZipEntry[]) {
  const parts: Buffer[] = []
  const directory: Buffer[] = []
  let offset = 0
  for (const entry of entries) {
    const { local, central } = recordsOf(entry, offset)
    parts.push(local)
    directory.push(central)
    offset += local.length
  }
  const listed = Buffer.concat(directory)
  return new Uint8Array(Buffer.concat([...parts, listed, endOf(entries.length, listed.length, offset)]))
}

function recordsOf({ name, data = '', mode = asFile, claims, flags = 0 }: ZipEntry, offset: number) {
  const plain = Buffer.from(data as Uint8Array)
  const packed = deflateRawSync(plain)
  const path = Buffer.from(name)
  const common = Buffer.alloc(26)
  common.writeUInt16LE(20, 0)
  common.writeUInt16LE(flags | 0x800, 2) // names are UTF-8
  common.writeUInt16LE(8, 4)
  common.writeUInt32LE(crc32(plain), 10)
  common.writeUInt32LE(packed.length, 14)
  common.writeUInt32LE(claims ?? plain.length, 18)
  common.writeUInt16LE(path.length, 22)
  const local = Buffer.concat([Buffer.from('PK\x03\x04'), common, path, packed])
  const rest = Buffer.alloc(14)
  rest.writeUInt32LE((mode << 16) >>> 0, 6)
  rest.writeUInt32LE(offset, 10)
  const madeBy = Buffer.from([20, 3])
  return { local, central: Buffer.concat([Buffer.from('PK\x01\x02'), madeBy, common, rest, path]) }
}

function endOf(count: number, size: number, offset: number) {
  const end = Buffer.alloc(18)
  end.writeUInt16LE(Math.min(count, 0xffff), 4)
  end.writeUInt16LE(Math.min(count, 0xffff), 6)
  end.writeUInt32LE(size, 8)
  end.writeUInt32LE(offset, 12)
  if (count <= 0xffff) return Buffer.concat([Buffer.from('PK\x05\x06'), end])
  // Zip64 says how many there really are.
  const large = Buffer.alloc(52)
  large.writeBigUInt64LE(44n, 0)
  large.writeBigUInt64LE(BigInt(count), 20)
  large.writeBigUInt64LE(BigInt(count), 28)
  large.writeBigUInt64LE(BigInt(size), 36)
  large.writeBigUInt64LE(BigInt(offset), 44)
  const locator = Buffer.alloc(16)
  locator.writeBigUInt64LE(BigInt(offset + size), 4)
  locator.writeUInt32LE(1, 12)
  return Buffer.concat([Buffer.from('PK\x06\x06'), large, Buffer.from('PK\x06\x07'), locator, Buffer.from('PK\x05\x06'), end])
}
