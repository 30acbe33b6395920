import { describe, expect, test } from 'vitest'
import { driftService } from '#daemon/services/drift.ts'
import type { Assumptions } from '#engine/ports.ts'
import type { NodeView, RunView } from '#engine/state/view.ts'
import type { Change } from '#runbook/step-type.ts'
import { node, planOf } from '../../sim/world/plans.ts'

const change = (before: number): Change[] => [
  { certainty: 'exact', target: 'web', before: { before }, after: 1 },
]
const plan = {
  ...planOf([node('A/first', 'sim.set'), node('A/second', 'sim.set')]),
  observed: { at: '2026-11-24T05:00:00.000Z', changes: { 'A/first': change(0), 'A/second': change(0) } },
}
const [assumption] = plan.subject.assumptions

/** The drift of a run whose first step has begun, in a world in which both of its steps find something else. */
function drift(state: string, broken: Assumptions['broken']) {
  const begun = { startedAt: '2026-11-24T05:01:00.000Z' } as NodeView
  const startedAt = state === 'waiting' ? null : begun.startedAt
  const view = {
    id: 'F-1',
    state,
    startedAt,
    plan,
    nodes: new Map([['A/first', begun]]),
  } as unknown as RunView
  const now = { at: '2026-11-24T05:02:00.000Z', changes: { 'A/first': change(1), 'A/second': change(1) } }
  const engine = { runs: { getRun: async () => view } }
  const execution = { engine, assumptions: { broken } } as unknown as Parameters<
    typeof driftService
  >[0]['execution']
  const observe = async () => ({ ...plan, observed: now })
  return driftService({ execution, observe, plansOf: () => () => Promise.resolve([]) }).drift('F-1')
}

describe('what has changed under a run', () => {
  test('is told of steps that have not begun; nothing is broken by it', async () => {
    const told = await drift('running', async () => [])
    expect(told).toMatchObject({ run: 'F-1', observedAt: plan.observed.at, now: '2026-11-24T05:02:00.000Z' })
    expect(told.nodes.map((each) => each.node)).toEqual(['A/second'])
    expect([told.broken, told.unproven]).toEqual([[], null])
  })

  test('names the assumptions that the run would find broken at its start', async () => {
    const moments: string[] = []
    const told = await drift('waiting', async ({ moment }) => {
      moments.push(moment)
      return assumption === undefined ? [] : [{ assumption, why: 'its daemon answers' }]
    })
    await drift('running', async ({ moment }) => {
      moments.push(moment)
      return []
    })
    // What was approved is what a run that has begun goes on with: it is not planned again.
    expect(moments).toEqual(['start', 'point-of-no-return'])
    expect(told.broken).toMatchObject([
      { kind: 'source-silent', subject: 'daejeon', why: 'its daemon answers' },
    ])
  })

  test('says that assumptions could not be proven, and does not take that for broken', async () => {
    const told = await drift('waiting', () => Promise.reject(new Error('nobody could look')))
    expect([told.broken, told.unproven]).toEqual([[], 'nobody could look'])
  })

  test('is refused for a run that has ended', async () => {
    await expect(drift('succeeded', async () => [])).rejects.toMatchObject({ code: 'run-ended' })
  })
})
