const headerBytes = 8

/**
 * What a container wrote, out of the engine's stream of both its outputs: frames of a header of eight bytes, the last
 * four of them the length, and as many bytes.
 */
export async function* payloadsOf(stream: AsyncIterable<Uint8Array>) {
  let rest: Buffer = Buffer.alloc(0)
  for await (const chunk of stream) {
    rest = rest.length === 0 ? Buffer.from(chunk) : Buffer.concat([rest, chunk])
    const { payloads, used } = framesIn(rest)
    rest = rest.subarray(used)
    if (payloads.length > 0) yield Buffer.concat(payloads)
  }
}

function framesIn(bytes: Buffer) {
  const payloads: Buffer[] = []
  let used = 0
  while (bytes.length - used >= headerBytes) {
    const end = used + headerBytes + bytes.readUInt32BE(used + 4)
    if (end > bytes.length) break
    payloads.push(bytes.subarray(used + headerBytes, end))
    used = end
  }
  return { payloads, used }
}
