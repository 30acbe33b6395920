import { expect, test } from 'vitest'
import { compare, interleave } from './interleave.ts'

const never = new AbortController().signal

function recorded() {
  const order: string[] = []
  const side = (name: string) => async () => {
    order.push(name)
    return order.length
  }
  return { order, sides: { a: side('a'), b: side('b') } }
}

test('sides take turns, and who begins changes', async () => {
  const { order, sides } = recorded()
  const rounds = await interleave(sides, { rounds: 3, until: Infinity, signal: never })
  expect(order.join('')).toBe('abbaab')
  expect(rounds).toEqual([
    { a: 1, b: 2 },
    { a: 4, b: 3 },
    { a: 5, b: 6 },
  ])
})

test('no round is begun when the time is over, except the first', async () => {
  const { order, sides } = recorded()
  expect(await interleave(sides, { rounds: 3, until: 0, signal: never })).toHaveLength(1)
  expect(order).toHaveLength(2)
})

test('nothing is begun after the signal', async () => {
  const { order, sides } = recorded()
  const signal = AbortSignal.abort(new Error('stopped as asked'))
  await expect(interleave(sides, { rounds: 3, until: Infinity, signal })).rejects.toThrow('stopped as asked')
  expect(order).toEqual([])
})

test('differences and ratios are taken pair by pair, not between the medians', () => {
  const { difference, ratio, ours, baseline, pairs } = compare([
    { ours: 10, baseline: 1 },
    { ours: 20, baseline: 15 },
    { ours: 30, baseline: 20 },
  ])
  expect(pairs).toBe(3)
  expect([ours.median, baseline.median]).toEqual([20, 15])
  expect(difference).toMatchObject({ min: 5, median: 9, max: 10 })
  expect(ratio).toMatchObject({ median: 1.5, max: 10 })
})
