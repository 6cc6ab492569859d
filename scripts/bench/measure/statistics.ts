import type { Sample } from './row.ts'

/** The middle of numbers; of an even count, the mean of the two in the middle. */
export function median(values: number[]) {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length / 2
  const [low = Number.NaN, high = Number.NaN] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]]
  return (low + high) / 2
}

/** The values of one figure over all rounds. */
export const valuesOf = (samples: Sample[], figure: string) => samples.map((sample) => sample[figure] ?? Number.NaN)

/** The median of each figure. */
export const medians = (samples: Sample[]): Sample =>
  Object.fromEntries(Object.keys(samples[0] ?? {}).map((figure) => [figure, median(valuesOf(samples, figure))]))

/** The value below which a share of the sorted numbers lies. */
export const quantile = (sorted: ArrayLike<number>, share: number) =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
