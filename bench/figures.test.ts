import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { growthExponent, median, percentile, spreadOf } from './figures.ts'

// `+ 0` makes a 0 of -0: sorting does not tell them apart, Math.min does, and no figure is one.
const number = fc.double({ min: -1e6, max: 1e6, noNaN: true }).map((value) => value + 0)
const numbers = fc.array(number, { minLength: 1, maxLength: 50 })

describe('percentiles', () => {
  test('lie on a value, or between two in proportion', () => {
    expect(percentile([30, 10, 20], 50)).toBe(20)
    expect(percentile([10, 20], 50)).toBe(15)
    expect(percentile([0, 100], 95)).toBe(95)
    expect(percentile([7], 95)).toBe(7)
    expect(median([4, 1, 3, 2])).toBe(2.5)
  })

  test('leave the values in their order', () => {
    const values = [3, 1, 2]
    percentile(values, 50)
    expect(values).toEqual([3, 1, 2])
  })

  test('of no values, or beyond 0 to 100, are refused', () => {
    expect(() => percentile([], 50)).toThrow(RangeError)
    expect(() => percentile([1, 2], 101)).toThrow(RangeError)
    expect(() => percentile([1, 2], -1)).toThrow(RangeError)
  })

  test('grow with p and stay within the values', () => {
    fc.assert(
      fc.property(numbers, (values) => {
        const { min, q1, median: middle, q3, max, n } = spreadOf(values)
        expect(n).toBe(values.length)
        expect(min).toBe(Math.min(...values))
        expect(max).toBe(Math.max(...values))
        const slack = 1e-6
        for (const [low, high] of [
          [min, q1],
          [q1, middle],
          [middle, q3],
          [q3, max],
        ] as const) {
          expect(low).toBeLessThanOrEqual(high + slack)
        }
      }),
    )
  })
})

describe('the growth exponent', () => {
  test('is 1 for proportional cost, 2 for quadratic, 0 for constant', () => {
    const sizes = [10, 100, 1_000]
    const of = (cost: (size: number) => number) =>
      growthExponent(sizes.map((size) => ({ size, cost: cost(size) })))
    expect(of((size) => 3 * size)).toBeCloseTo(1)
    expect(of((size) => 0.2 * size ** 2)).toBeCloseTo(2)
    expect(of(() => 5)).toBeCloseTo(0)
  })

  test('is found again whatever the factor and the unit', () => {
    const any = fc.record({
      k: fc.double({ min: -2, max: 3, noNaN: true }),
      c: fc.double({ min: 0.01, max: 100, noNaN: true }),
    })
    fc.assert(
      fc.property(any, ({ k, c }) => {
        const points = [10, 50, 700, 10_000].map((size) => ({ size, cost: c * size ** k }))
        expect(growthExponent(points)).toBeCloseTo(k, 6)
      }),
    )
  })

  test('needs two sizes and costs above zero', () => {
    expect(() => growthExponent([])).toThrow(RangeError)
    expect(() => growthExponent([{ size: 10, cost: 1 }])).toThrow(RangeError)
    expect(() =>
      growthExponent([
        { size: 10, cost: 1 },
        { size: 100, cost: 0 },
      ]),
    ).toThrow(RangeError)
  })
})
