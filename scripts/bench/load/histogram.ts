const buckets = 2_000_000

/** Counts times by the microsecond, up to two seconds; what is later counts as that. */
export function createHistogram() {
  const counts = new Uint32Array(buckets)
  let total = 0
  return {
    /** Counts a time in ms. */
    add(ms: number) {
      const bucket = Math.min(buckets - 1, Math.floor(ms * 1000))
      counts[bucket] = (counts[bucket] ?? 0) + 1
      total += 1
    },
    /** How many were counted. */
    total: () => total,
    /** The time in ms below which a share of them lies. */
    quantile(share: number) {
      let left = total * share
      const bucket = counts.findIndex((count) => (left -= count) < 0)
      return (bucket < 0 ? buckets - 1 : bucket) / 1000
    }
  }
}
