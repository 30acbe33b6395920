import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { durationOf } from './duration.ts'
import type { PlanNode } from './plan.ts'

const node = (id: string, needs: string[], own: Partial<PlanNode> = {}): PlanNode => ({
  id,
  system: id.split('/')[0] ?? null,
  title: { ko: '단계', en: 'Step' },
  type: 'work',
  typeVersion: 1,
  with: {},
  gate: null,
  needs,
  limits: { attemptMs: 1_000, totalMs: 9_000, retryMax: 0, retryBaseMs: 1 },
  verify: null,
  wave: 1,
  ...own,
})
const measured = new Map([['quick', { ms: 10, steps: 4, runs: 2 }]])

describe('how long a plan takes', () => {
  test('is its longest way, whatever the order of its nodes', () => {
    const nodes = [
      node('B/end', ['B/long', 'A/short']),
      node('A/short', ['A/first'], { type: 'quick' }),
      node('B/long', ['A/first']),
      node('A/first', []),
    ]
    const { ms, criticalPath, systems } = durationOf(nodes, measured, 128)
    expect({ ms, criticalPath, systems }).toEqual({
      ms: 3_000,
      criticalPath: ['A/first', 'B/long', 'B/end'],
      systems: { A: 1_010, B: 3_000 },
    })
  })

  test('says what was measured and what is the limit of one try', () => {
    const nodes = [node('A/a', [], { type: 'quick' }), node('A/b', ['A/a'])]
    expect(durationOf(nodes, measured, 128)).toMatchObject({
      ms: 1_010,
      measured: { quick: { ms: 10, steps: 4, runs: 2 } },
      fromLimits: ['work'],
    })
  })

  test('counts no time of people, and the time that a plan waits by itself', () => {
    const nodes = [
      node('approve', [], { system: null, gate: { purpose: 'failover', quorum: 2 } }),
      node('A/wait', ['approve'], { waitFor: { kind: 'time', ms: 5_000 } }),
      node('A/after', [], { after: ['A/wait'] }),
    ]
    expect(durationOf(nodes, measured, 128)).toMatchObject({
      ms: 6_000,
      criticalPath: ['approve', 'A/wait', 'A/after'],
    })
  })

  test('is bounded by how many steps run at once', () => {
    const nodes = Array.from({ length: 100 }, (_, at) => node(`S${at}/do`, []))
    expect(durationOf(nodes, measured, 10).ms).toBe(10_000)
  })

  test('no system ends after the whole, and a way of 20,000 steps is no problem', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(50), { maxLength: 50 }), (picks) => {
        const nodes = picks.map((pick, at) =>
          node(`S${pick % 5}/${at}`, at === 0 ? [] : [`S${(picks[pick % at] ?? 0) % 5}/${pick % at}`]),
        )
        const { ms, systems, criticalPath } = durationOf(nodes, measured, 1_000)
        expect(Math.max(0, ...Object.values(systems))).toBe(ms)
        expect(criticalPath.length * 1_000).toBe(ms)
      }),
    )
    const chain = Array.from({ length: 20_000 }, (_, at) => node(`S/${at}`, at === 0 ? [] : [`S/${at - 1}`]))
    expect(durationOf(chain.toReversed(), measured, 1).ms).toBe(20_000_000)
  })
})
