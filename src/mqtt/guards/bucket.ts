/** What a client may still do: it fills up by itself to what it may do at once. */
export type Bucket = { tokens: number; at: number }

type Rate = { perSecond: number; atOnce: number }

export const fullBucket = ({ atOnce }: Rate): Bucket => ({ tokens: atOnce, at: performance.now() })

/** Takes tokens out; gives whether there were enough. */
export function take(bucket: Bucket, count: number, { perSecond, atOnce }: Rate) {
  const now = performance.now()
  bucket.tokens = Math.min(atOnce, bucket.tokens + ((now - bucket.at) * perSecond) / 1000) - count
  bucket.at = now
  return bucket.tokens >= 0
}
