import { expect, test } from 'vitest'
import type { PlanNode } from '#plan/plan.ts'
import { longestMs } from './deadline.ts'

const limits = { attemptMs: 10, totalMs: 100, retryMax: 0, retryBaseMs: 1 }

function node(id: string, needs: string[] = [], more: Partial<PlanNode> = {}): PlanNode {
  return {
    ...{ id, system: null, title: { ko: id, en: id }, type: 't', typeVersion: 1, with: {}, gate: null },
    ...{ needs, limits, verify: null, wave: 1, ...more },
  }
}

test('a run has as long as its longest way takes by the deadlines of its steps', () => {
  expect(longestMs([])).toBe(0)
  expect(longestMs([node('a'), node('b', ['a']), node('c', ['a', 'b']), node('d')])).toBe(300)
  expect(longestMs([node('c', ['b']), node('b', ['a']), node('a')])).toBe(300)
})

test('verification, waits for time, and what comes after an end count; a node that only counts others does not', () => {
  const verify = { withinMs: 50, everyMs: 1 }
  expect(longestMs([node('a', [], { verify })])).toBe(160)
  expect(longestMs([node('a', [], { waitFor: { kind: 'time', ms: 7_000 } }), node('b', ['a'])])).toBe(7_100)
  const join = node('join', [], { after: ['a'], waitFor: { kind: 'steps', maxFailures: 0 } })
  expect(longestMs([node('a'), join, node('end', [], { after: ['join'] })])).toBe(200)
})

test('a graph of ten thousand steps in a row is measured', () => {
  const chain = Array.from({ length: 10_000 }, (_, index) =>
    node(`s${index}`, index === 0 ? [] : [`s${index - 1}`]),
  )
  expect(longestMs(chain)).toBe(1_000_000)
})
