/**
 * A sketch of a distribution (DDSketch): buckets whose bounds grow by a constant factor, so any percentile is known to
 * a constant relative error, and two sketches merge without a further one.
 */

/** Largest relative error of a percentile. */
const RELATIVE_ERROR = 0.01

const GROWTH = (1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR)
const LOG_GROWTH = Math.log(GROWTH)

/** Values at or above zero. Bucket `i` holds those in (GROWTH^(i-1), GROWTH^i]; zeros are apart. */
export interface Sketch {
  count: number
  sum: number
  min: number
  max: number
  zeros: number
  readonly buckets: Map<number, number>
}

export const make = (): Sketch => ({
  count: 0,
  sum: 0,
  min: Number.POSITIVE_INFINITY,
  max: Number.NEGATIVE_INFINITY,
  zeros: 0,
  buckets: new Map()
})

export const copy = (sketch: Sketch): Sketch => ({ ...sketch, buckets: new Map(sketch.buckets) })

export const add = (sketch: Sketch, value: number): void => {
  sketch.count++
  sketch.sum += value
  if (value < sketch.min) sketch.min = value
  if (value > sketch.max) sketch.max = value
  if (value === 0) sketch.zeros++
  else increase(sketch, Math.ceil(Math.log(value) / LOG_GROWTH), 1)
}

export const addAll = (sketch: Sketch, other: Sketch): void => {
  sketch.count += other.count
  sketch.sum += other.sum
  sketch.min = Math.min(sketch.min, other.min)
  sketch.max = Math.max(sketch.max, other.max)
  sketch.zeros += other.zeros
  for (const [index, count] of other.buckets) increase(sketch, index, count)
}

const increase = ({ buckets }: Sketch, index: number, by: number) => buckets.set(index, (buckets.get(index) ?? 0) + by)

/** The values of rank `floor(share * (count - 1))`, one for each share; `count` must not be 0. */
export const quantiles = (sketch: Sketch, shares: ReadonlyArray<number>): ReadonlyArray<number> => {
  const buckets = [...sketch.buckets].toSorted(([left], [right]) => left - right)
  return shares.map((share) => {
    const rank = Math.floor(share * (sketch.count - 1))
    let below = sketch.zeros
    if (rank < below) return 0
    for (const [index, count] of buckets) {
      below += count
      if (rank < below) return clamp((2 * GROWTH ** index) / (GROWTH + 1), sketch)
    }
    return sketch.max
  })
}

const clamp = (value: number, { max, min }: Sketch) => Math.min(Math.max(value, min), max)
