import { expect, test } from 'vitest'
import { exponentsOf, tooSlow, type Graph } from './graphs.ts'
import { compare } from './interleave.ts'

/** Graphs whose time on each side is a function of the size. */
function graphs(sizes: number[], ours: (size: number) => number, peer: (size: number) => number): Graph[] {
  return sizes.map((size) => ({
    size,
    total: { peer: compare([{ ours: ours(size), baseline: peer(size) }]) },
  }))
}

test('a side whose time grows too fast is left out of the next size, the others are not', () => {
  const measured = graphs(
    [10, 100, 1_000],
    (size) => size,
    (size) => size ** 2 / 1_000,
  )
  expect(tooSlow(measured, 10_000, 60_000)).toEqual([{ name: 'peer', ms: expect.closeTo(100_000, 3) }])
  expect(tooSlow(measured, 10_000, 200_000)).toEqual([])
  expect(tooSlow(measured, 10_000, 5_000).map(({ name }) => name)).toEqual(['Haetae', 'peer'])
})

test('time that shrank is not taken to go on shrinking', () => {
  const measured = graphs(
    [10, 100],
    () => 1_000,
    (size) => 10_000 / size,
  )
  expect(tooSlow(measured, 1_000, 5_000)).toEqual([{ name: 'Haetae', ms: expect.closeTo(10_000, 3) }])
})

test('exponents are told for each side, over all sizes and from size to size', () => {
  const { Haetae, peer } = exponentsOf(
    graphs(
      [10, 100, 1_000],
      (size) => 3 * size,
      (size) => size ** 2,
    ),
  )
  expect(Haetae?.all).toBeCloseTo(1)
  expect(peer?.all).toBeCloseTo(2)
  expect(peer?.each).toEqual([expect.closeTo(2), expect.closeTo(2)])
})

test('a side that was measured at one size only has no exponent', () => {
  expect(
    exponentsOf(
      graphs(
        [10],
        () => 1,
        () => 1,
      ),
    ),
  ).toEqual({})
})
