import { edenGC, fullGC } from 'bun:jsc'
import { fullBucket, take } from './guards/bucket.ts'

const each = 256 // bytes; what a message costs beside its text
const rate = { perSecond: 512 * 1024, atOnce: 2 * 1024 * 1024 }
const full = 6

/**
 * Has the garbage of a flood of messages collected while it lasts: the collector by itself would come when there are 40 MiB
 * more of it, and later where the machine is busy. Gives what is to be told of each message; `collect` is for tests.
 *
 * Measured: 5 ms for each 2 MiB of messages, beyond half a MiB a second; every sixth time 20 ms, for what was in use each
 * time before.
 */
export function createRelief(collect = { young: edenGC, all: fullGC }) {
  let bucket = fullBucket(rate)
  let times = 0

  return (bytes: number) => {
    if (take(bucket, bytes + each, rate)) return
    times++
    if (times % full === 0) collect.all()
    else collect.young()
    bucket = fullBucket(rate)
  }
}
