import { expect } from 'vitest'
import type { FleetLimits } from '#engine/state/fleet.ts'
import { HaetaeError } from '#model/errors.ts'
import type { PlanNode } from '#plan/plan.ts'
import { childPlan, fleetPlan } from './plans.ts'
import { runId, type SimOptions, type Simulation } from './simulate.ts'

const needs: Record<string, string[]> = { A: [], B: ['A'], C: [], D: ['A', 'B'] }

/** Systems in their order, each with its plan as it was approved. */
export function fleetOf(systems: readonly string[], limits?: FleetLimits, check: Partial<PlanNode> = {}) {
  const children = new Map(
    systems.map((system) => {
      const prerequisites = (needs[system] ?? []).filter((other) => systems.includes(other))
      return [system, { plan: childPlan(system, prerequisites, check), prerequisites }]
    }),
  )
  const now = new Map([...children].map(([system, { plan }]) => [system, plan]))
  const options: SimOptions = {
    plan: fleetPlan(children, limits),
    runOf: (node) => `${runId}.${node.split('/')[0] ?? ''}`,
    planChild: async ({ node }) => {
      const plan = now.get(node.system ?? '')
      if (plan === undefined) throw new HaetaeError('plan-impossible', node.id, { why: 'it is gone' })
      return plan
    },
  }
  return { options, now }
}

/** Long enough for something to happen meanwhile. */
export const slow: Partial<PlanNode> = {
  type: 'wait',
  typeVersion: 0,
  with: {},
  waitFor: { kind: 'time', ms: 10_000 },
}
/** The state of a system's run. */
export const childState = async (sim: Simulation, system: string) =>
  (await sim.store.run(`${runId}.${system}`))?.state ?? 'none'

/** Every step happened once, under a term, and no system is held. */
export async function assertOnce(sim: Simulation, systems: readonly string[], where = ''): Promise<void> {
  expect(sim.trespasses, where).toEqual([])
  const landed = sim.world.landed.map(({ node }) => node).toSorted()
  expect(landed, where).toEqual(systems.flatMap((system) => [`${system}/notify`, `${system}/set`]).toSorted())
  expect(await sim.store.locks(), where).toEqual([])
}
