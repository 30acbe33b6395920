import { expect, test } from 'vitest'
import { fleetDrift } from '#daemon/services/fleet-drift.ts'
import { emptyNode } from '#engine/state/view.ts'
import { HaetaeError } from '#model/errors.ts'
import type { Plan, PlanNode } from '#plan/plan.ts'
import { childPlan, fleetPlan } from '../../sim/world/plans.ts'

const systems = ['A', 'B', 'C']
const target = { rtoTargetMs: 0, rpoTargetMs: null, wave: 1, why: [] }
const planOfSystem = (system: string, check: Partial<PlanNode> = {}): Plan => ({
  ...childPlan(system, [], check),
  systems: [{ ...target, system }],
})
const plan = fleetPlan(
  new Map(systems.map((system) => [system, { plan: planOfSystem(system), prerequisites: [] }])),
)
const nodesOf = (more: Partial<ReturnType<typeof emptyNode>> = {}) =>
  new Map(systems.map((id) => [id, { ...emptyNode(id), ...(id === 'C' ? more : {}) }]))
const changed = { with: { thing: 'C/set', ttlSeconds: 60 } }
/** As the planner: one system of those asked for that cannot go leaves none with a plan. */
const planner = (gone?: string) => async (nodes: readonly PlanNode[]) => {
  if (nodes.some(({ id }) => id === gone))
    throw new HaetaeError('plan-impossible', `system ${gone}`, { why: 'it is gone' })
  return nodes.map(({ id }) => planOfSystem(id, id === 'C' ? changed : {}))
}
const never = new AbortController().signal
const differs = [{ name: 'C/check with.ttlSeconds', approved: null, now: 60 }]

test('a system that would be planned otherwise by now is named with what differs', async () => {
  for (const state of ['waiting', 'needs-person'] as const) {
    const told = await fleetDrift({ plan, nodes: nodesOf({ state }) }, planner(), never)
    expect(told).toEqual([{ node: 'C', changed: ['actions'], differs, unplanned: null }])
  }
})

test('a system that has begun, has ended, or goes by its plan as it is now, has not drifted', async () => {
  for (const more of [{ state: 'running' }, { state: 'failed' }, { replanned: true }] as const)
    expect(await fleetDrift({ plan, nodes: nodesOf(more) }, planner(), never)).toEqual([])
})

test('a system that cannot be planned any more is told with why, beside the others', async () => {
  const told = await fleetDrift({ plan, nodes: nodesOf() }, planner('A'), never)
  expect(told).toMatchObject([
    { node: 'A', unplanned: { en: expect.stringContaining('it is gone') as string } },
    { node: 'C', differs },
  ])
})

test('a planner that fails is no drift: it is said', async () => {
  const failing = () => Promise.reject(new Error('the thread ended'))
  await expect(fleetDrift({ plan, nodes: nodesOf() }, failing, never)).rejects.toThrow('the thread ended')
})
