import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { admitted, type FleetItem, type FleetLimits } from '#engine/state/fleet.ts'
import { fleetDuration } from '#plan/fleet-duration.ts'
import type { PlanNode, WaitFor } from '#plan/plan.ts'
import { node } from '../sim/world/plans.ts'

const waits = (ms: number): Partial<PlanNode> => ({ waitFor: { kind: 'time', ms } })
const own = (prerequisites: string[] = []): WaitFor => ({ kind: 'run', digest: '', parts: {}, prerequisites })
const run = (id: string, needs: string[] = []) => node(id, 'run', needs, { system: id, waitFor: own() })
const join = (ids: string[], limits: FleetLimits) =>
  node('systems', 'fleet', [], { after: ids, waitFor: { kind: 'fleet', ...limits } as WaitFor })
const sibling = (id: string) =>
  node(id, 'sibling', [], {
    system: null,
    waitFor: { kind: 'sibling', system: id.split('/')[0] ?? '', node: id },
  })
const durationOf = (nodes: PlanNode[], parts: Record<string, PlanNode[]>, atOnce = 1_000) =>
  fleetDuration(
    nodes,
    new Map(Object.entries(parts)),
    new Map([['quick', { ms: 10, steps: 4, runs: 2 }]]),
    atOnce,
  )

/** When each of a fleet of runs ends whose turns are given by the engine. */
function endsByTurns(lasts: readonly number[], limits: FleetLimits): number[] {
  const items = lasts.map((_, at): FleetItem => ({ id: `S${at}`, state: 'waiting', prerequisites: [] }))
  const ends = new Map<number, number>()
  for (let now = 0; items.some(({ state }) => state !== 'done');) {
    for (const id of admitted(items, limits) ?? []) {
      const at = Number(id.slice(1))
      ends.set(at, now + (lasts[at] ?? 0))
      items[at] = { id, state: 'begun', prerequisites: [] }
    }
    const under = [...ends].filter(([at]) => items[at]?.state === 'begun')
    now = Math.min(...under.map(([, end]) => end))
    for (const [at, end] of under) {
      if (end === now) items[at] = { id: `S${at}`, state: 'done', prerequisites: [] }
    }
  }
  return lasts.map((_, at) => ends.get(at) ?? Number.NaN)
}

describe('how long a fleet takes', () => {
  test('each system ends when it would by the turns that the engine gives', () => {
    const limits = fc.record(
      {
        maxFailures: fc.constant(0),
        maxParallel: fc.integer({ min: 1, max: 5 }),
        ramp: fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 3 }),
      },
      { requiredKeys: ['maxFailures'] },
    )
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 25 }),
        limits,
        (lasts, given) => {
          const ids = lasts.map((_, at) => `S${at}`)
          const parts = Object.fromEntries(
            lasts.map((ms, at) => [`S${at}`, [node(`S${at}/do`, 'wait', [], waits(ms))]]),
          )
          const { ms, systems } = durationOf([...ids.map((id) => run(id)), join(ids, given)], parts)
          const expected = endsByTurns(lasts, given)
          expect(ids.map((id) => systems[id])).toEqual(expected)
          expect(ms).toBe(Math.max(...expected))
        },
      ),
    )
  })

  test('a step that waits for one of another system waits for it, and the way that decides goes through both', () => {
    const parts = {
      A: [node('A/traffic', 'wait', [], waits(100))],
      B: [
        node('B/start', 'wait', [], waits(30)),
        sibling('A/traffic'),
        node('B/check', 'quick', ['B/start', 'A/traffic']),
      ],
    }
    const fleet = [run('A'), run('B'), join(['A', 'B'], { maxFailures: 0 })]
    expect(durationOf(fleet, parts)).toMatchObject({
      ms: 110,
      systems: { A: 100, B: 110 },
      criticalPath: ['A/traffic', 'B/check', 'B'],
      measured: { quick: { ms: 10 } },
      fromLimits: [],
    })
  })

  test('what stands before and behind the systems counts, and nobody is faster than all the work', () => {
    const steps = (id: string) => [node(`${id}/do`, 'work', [])]
    const fleet = [
      node('pause', 'wait', [], waits(1_000)),
      run('A', ['pause']),
      run('B', ['pause']),
      join(['A', 'B'], { maxFailures: 0, maxParallel: 1 }),
      node('end', 'wait', ['systems'], waits(500)),
    ]
    const one = durationOf(fleet, { A: steps('A'), B: steps('B') })
    expect(one).toMatchObject({ ms: 11_500, systems: { A: 6_000, B: 11_000 }, fromLimits: ['work'] })
    expect(one.criticalPath).toEqual(['pause', 'A/do', 'A', 'B/do', 'B', 'systems', 'end'])
    const many = Object.fromEntries(Array.from({ length: 100 }, (_, at) => [`S${at}`, steps(`S${at}`)]))
    const ids = Object.keys(many)
    expect(durationOf([...ids.map((id) => run(id)), join(ids, { maxFailures: 0 })], many, 10).ms).toBe(50_000)
  })
})
