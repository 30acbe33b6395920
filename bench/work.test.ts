import { expect, test } from 'vitest'
import { doneOf } from './work.ts'

test('a step lasts until the next one begins, the last until the end; what comes before the first is no step', () => {
  expect(doneOf(100, [110, 113, 120], 124)).toEqual({ ms: 24, each: [3, 7, 4] })
})

test('work without a step has none', () => {
  expect(doneOf(100, [], 105)).toEqual({ ms: 5, each: [] })
})
