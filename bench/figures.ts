/** The middle of some numbers and how far they lie apart. All in the unit of the numbers. */
export interface Spread {
  n: number
  min: number
  q1: number
  median: number
  q3: number
  max: number
}

/** The `p`-th percentile (0 to 100), linear between the two nearest values. Throws RangeError for no values. */
export function percentile(values: readonly number[], p: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  const place = ((sorted.length - 1) * p) / 100
  const low = sorted[Math.floor(place)]
  const high = sorted[Math.ceil(place)]
  if (low === undefined || high === undefined) throw new RangeError('no values, or a percentile beyond 0–100')
  return low + (high - low) * (place - Math.floor(place))
}

export function median(values: readonly number[]): number {
  return percentile(values, 50)
}

/** Throws RangeError for no values. */
export function spreadOf(values: readonly number[]): Spread {
  const at = (p: number) => percentile(values, p)
  return { n: values.length, min: at(0), q1: at(25), median: at(50), q3: at(75), max: at(100) }
}

/**
 * How cost grows with size: `k` of cost ≈ c · size^k, by least squares over the logarithms. 1 is proportional.
 * Throws RangeError for fewer than two different sizes, or anything that is not above zero.
 */
export function growthExponent(points: readonly { size: number; cost: number }[]): number {
  if (points.some(({ size, cost }) => !(size > 0 && cost > 0)))
    throw new RangeError('sizes and costs are above zero')
  const logs = points.map(({ size, cost }) => ({ x: Math.log(size), y: Math.log(cost) }))
  const mean = (of: (log: { x: number; y: number }) => number) =>
    logs.reduce((sum, log) => sum + of(log), 0) / logs.length
  const x = mean((log) => log.x)
  const y = mean((log) => log.y)
  const variance = mean((log) => (log.x - x) ** 2)
  if (!(variance > 0)) throw new RangeError('two different sizes are needed')
  return mean((log) => (log.x - x) * (log.y - y)) / variance
}
