import type { Change } from '#runbook/step-type.ts'
import type { LossForecast, Observed, Plan, PlanNode } from './plan.ts'

/** A node that would now change something else than what was shown when the plan was made. */
export interface NodeDrift {
  node: string
  system: string | null
  before: Change[]
  now: Change[]
}

/** A system of which more, or less, would be lost by now, by a second or more, or of which that can be told no more. */
export interface LossDrift {
  system: string
  before: LossForecast | null
  now: LossForecast
}

/** What has changed in the world since a plan was observed, of the nodes that have not begun. Pure. */
export function driftOf(
  plan: Plan,
  now: Observed,
  waits: (node: PlanNode) => boolean,
): { nodes: NodeDrift[]; losses: LossDrift[] } {
  const nodes = plan.subject.nodes.filter(waits).flatMap(({ id, system }) => {
    const [before, after] = [plan.observed.changes[id] ?? [], now.changes[id] ?? []]
    return JSON.stringify(before.map(comparable)) === JSON.stringify(after.map(comparable))
      ? []
      : [{ node: id, system, before, now: after }]
  })
  const losses = Object.entries(now.forecast?.loss ?? {}).flatMap(([system, loss]) => {
    const before = plan.observed.forecast?.loss[system] ?? null
    return before !== null && sameLoss(before, loss) ? [] : [{ system, before, now: loss }]
  })
  return { nodes, losses }
}

/** Why something is opaque may be said in other words each time, such as a port; that it is opaque stays. */
function comparable({ why: _, ...change }: Change): Omit<Change, 'why'> {
  return change
}

function sameLoss(a: LossForecast, b: LossForecast): boolean {
  if (a.seconds === null || b.seconds === null) return a.seconds === b.seconds
  return Math.abs(a.seconds - b.seconds) < 1
}
