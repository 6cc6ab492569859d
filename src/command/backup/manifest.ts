import Type, { type Static } from 'typebox'
import { Value } from 'typebox/value'

const Manifest = Type.Object({
  format: Type.Literal('updraft backup 1'),
  /** The program that made it. */
  version: Type.String(),
  madeAt: Type.String(),
  database: Type.Object({ size: Type.Integer(), sha256: Type.String() }),
  blobs: Type.Integer(),
  bytes: Type.Integer()
})

/** The first file in a backup: what else is in it. */
export type Manifest = Static<typeof Manifest>

/** What the files in a backup are called; stored bytes have their SHA-256 behind `blobs`, and without `end` it has broken off. */
export const names = { manifest: 'updraft-backup.json', database: 'updraft.sqlite', blobs: 'blobs/', end: 'end' } as const

export const writeManifest = (manifest: Manifest) => `${JSON.stringify(manifest, null, 2)}\n`

/** Throws a sentence for a text that is no manifest. */
export function readManifest(text: string): Manifest {
  try {
    return Value.Parse(Manifest, JSON.parse(text))
  } catch {
    throw new Error('This is no backup of Updraft, or that of a newer one')
  }
}
