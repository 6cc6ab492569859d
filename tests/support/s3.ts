import { connect, createServer, type Socket } from 'node:net'
import { S3Client } from 'bun'
import { makeBucket, type S3Server, s3Missing } from '../../scripts/test-s3.ts'
import { newId } from '../../src/lib/secrets.ts'

/** The S3 server of this run; undefined where the machine has none, or the run needs none. */
export const s3Server = process.env.UPDRAFT_TEST_S3 ? (JSON.parse(process.env.UPDRAFT_TEST_S3) as S3Server) : undefined

/** Whether there is S3 to test with. */
export function hasS3() {
  if (s3Server) return true
  if (process.env.CI) throw new Error(s3Missing)
  console.warn(s3Missing)
  return false
}

/** An empty bucket on the S3 server of this run, with a client that looks into it behind the hub's back. */
export async function freshBucket() {
  if (!s3Server) throw new Error(s3Missing)
  const bucket = `bytes-${newId()}`
  await makeBucket(s3Server, bucket)
  const { endpoint, accessKeyId, secretAccessKey } = s3Server
  return {
    settings: { endpoint, accessKeyId, secretAccessKey, bucket, region: undefined },
    client: new S3Client({ endpoint, accessKeyId, secretAccessKey, bucket })
  }
}

/** The environment of a hub that keeps its bytes in a bucket. */
export const s3Env = ({ endpoint, bucket, accessKeyId, secretAccessKey }: S3Server & { bucket: string }) => ({
  S3_ENDPOINT: endpoint,
  S3_BUCKET: bucket,
  S3_ACCESS_KEY_ID: accessKeyId,
  S3_SECRET_ACCESS_KEY: secretAccessKey
})

/** How the way to a server is: open, as if nobody listened, as if nobody answered, or cut once so many bytes have come back. */
type Way = 'open' | 'refusing' | 'silent' | { cutAfter: number }

/** A way to the S3 server of this run that can be made worse and well again. */
export async function wayToS3(endpoint: string) {
  let way: Way = 'open'
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    sockets.add(client)
    client.on('error', () => {}).on('close', () => sockets.delete(client))
    if (way === 'refusing') return void client.resetAndDestroy()
    if (way === 'silent') return void client.resume()
    const { hostname, port } = new URL(endpoint)
    const upstream = connect(Number(port), hostname)
    upstream.on('error', () => client.destroy()).on('close', () => client.end())
    client.on('close', () => upstream.destroy())
    client.pipe(upstream)
    let left = typeof way === 'object' ? way.cutAfter : Number.POSITIVE_INFINITY
    upstream.on('data', (chunk: Buffer) => {
      left -= chunk.byteLength
      if (left >= 0) return void client.write(chunk)
      client.end(chunk.subarray(0, Math.max(0, chunk.byteLength + left)))
      upstream.destroy()
    })
  })
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  return {
    endpoint: `http://127.0.0.1:${port}`,
    /** Connections that are open are closed: the next request takes the new way. */
    become(next: Way) {
      way = next
      for (const socket of sockets) socket.destroy()
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => void server.close(resolve))
    }
  }
}
