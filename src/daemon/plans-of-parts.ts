import type { Clock } from '#model/time.ts'
import type { PartsOf } from '#plan/observe-fleet.ts'
import { partsRequestOf } from '#plan/part.ts'
import type { Plan } from '#plan/plan.ts'
import type { Planner } from './planner.ts'
import type { World } from './world.ts'

export interface PartPlanning {
  planner: Pick<Planner, 'parts'>
  world: Pick<World, 'activeAt'>
  clock: Pick<Clock, 'now'>
}

/** The plans of a fleet's systems, made as they will be when their turns come. */
export function plansOfParts({ planner, world, clock }: PartPlanning, fleet: Plan): PartsOf {
  return (nodes) => {
    // Where the others are by now is no matter of theirs: each is planned as if it were alone.
    const asked = new Set(nodes.map(({ system }) => system))
    const active = new Map([...world.activeAt()].filter(([system]) => asked.has(system)))
    return planner.parts({ ...partsRequestOf(fleet, nodes, false), active, now: clock.now() })
  }
}
