/** What is known of stored bytes: digests in hex, size in bytes. */
export type Blob = { sha256: string; md5: string; size: number }

/** Bytes received but not stored yet, in a file at `path`: kept by `keep`, gone with `discard`. */
export type StagedBlob = Blob & { path: string; keep(): Promise<void>; discard(): Promise<void> }

/** Content-addressed bytes: written once under their SHA-256, never changed. Where the store does not answer, all of this throws `unavailable`. */
export type BlobStore = {
  /** Makes ready to store, and clears what an earlier process had not finished receiving. Throws where the store can never be used as it is configured. */
  prepare(): Promise<void>
  /** Receives bytes while their digests are computed; past `limit` bytes it throws `tooLarge` and leaves nothing. */
  stage(source: AsyncIterable<Uint8Array>, limit: number): Promise<StagedBlob>
  /** How many bytes there are of this digest; undefined where there are none. */
  sizeOf(sha256: string): Promise<number | undefined>
  /** The bytes from `start` to `end`, both included. The stream breaks where they do not all come. */
  read(sha256: string, start: number, end: number): ReadableStream<Uint8Array> | Promise<ReadableStream<Uint8Array>>
  /** The names of all stored bytes, many at a time. */
  names(): AsyncIterable<string[]>
  /** Removes bytes that nobody stored again since `before`; no store of the same bytes can come between. Gives whether they went. */
  removeIfOlder(sha256: string, before: Date): boolean | Promise<boolean>
  /** Resolves when the store answers. */
  check(): Promise<void>
}
