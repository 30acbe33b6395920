import { instant } from '#model/time.ts'
import { createBreath } from '#platform/breath.ts'
import { createLooks, inTime, type Observation } from './looks.ts'
import { oneAfterAnother } from './one-after-another.ts'
import type { Plan, PlanNode } from './plan.ts'

/**
 * The plan with what each step would change as the world is now. What rests on outputs of other steps is predicted,
 * as far as these can be foreseen; what cannot be looked at is opaque, with why. The digest stays as it is, because
 * what was observed is no part of it. Writes nothing, and takes no longer than `totalMs`.
 */
export async function observePlan(plan: Plan, observation: Observation): Promise<Plan> {
  const at = instant(observation.clock.now())
  const nodes = plan.subject.nodes.filter(looks)
  const seen = await inTime(observation, (over) => createLooks(observation, over)(nodes))
  const changes = await oneAfterAnother(plan.subject.nodes, seen, observation.site, createBreath())
  return { ...plan, observed: { at, changes: Object.fromEntries(changes) } }
}

/** Whether there is something to look at: people and time are waited for. */
export function looks({ gate, waitFor }: PlanNode): boolean {
  return gate === null && waitFor === undefined
}
