import { expect, test } from 'vitest'
import { verdictOf } from './durability.ts'

test('a side is durable when it synced at least once for each step done alone', () => {
  expect(verdictOf({ steps: 100, kernel: 100, own: 100 })).toBe('synced')
  expect(verdictOf({ steps: 100, kernel: 231, own: 230 })).toBe('synced')
})

test('a side that synced less is weaker, whatever its store says', () => {
  expect(verdictOf({ steps: 100, kernel: 99, own: 100 })).toBe('weaker')
  expect(verdictOf({ steps: 100, kernel: 0, own: 400 })).toBe('weaker')
})
