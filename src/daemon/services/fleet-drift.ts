import type { RunDrift } from '#api/schema/plan.ts'
import type { RunView } from '#engine/state/view.ts'
import { isHaetaeError } from '#model/errors.ts'
import type { PartsOf } from '#plan/observe-fleet.ts'
import { partDrift } from '#plan/part-drift.ts'
import { runsOf } from '#plan/part.ts'
import type { Plan, PlanNode } from '#plan/plan.ts'
import { noPlan } from '../replan.ts'

const systemsAtOnce = 32

/** The systems of a fleet that have not begun and would be planned otherwise by now. Throws when `signal` ends. */
export async function fleetDrift(
  { plan, nodes }: Pick<RunView, 'plan' | 'nodes'>,
  plansOf: PartsOf,
  signal: AbortSignal,
): Promise<RunDrift['parts']> {
  const waiting = runsOf(plan.subject.nodes).filter(({ id }) => {
    const seen = nodes.get(id)
    return (
      seen === undefined || ((seen.state === 'waiting' || seen.state === 'needs-person') && !seen.replanned)
    )
  })
  const found: RunDrift['parts'] = []
  for (let from = 0; from < waiting.length; from += systemsAtOnce) {
    signal.throwIfAborted()
    found.push(...(await driftsOf(waiting.slice(from, from + systemsAtOnce), plansOf)))
  }
  return found
}

/** One that cannot be planned any more leaves the others without a plan too: then each is planned alone. */
async function driftsOf(nodes: readonly PlanNode[], plansOf: PartsOf): Promise<RunDrift['parts']> {
  try {
    const plans = await plansOf(nodes)
    const bySystem = new Map(plans.map((plan) => [plan.systems[0]?.system, plan]))
    return nodes.flatMap((node) => driftOfPart(node, bySystem.get(node.system ?? '')))
  } catch (error) {
    if (!isHaetaeError(error) || error.code === 'work-failed') throw error
    const [node] = nodes
    if (node !== undefined && nodes.length === 1)
      return [{ node: node.id, changed: [], differs: [], unplanned: noPlan(error) }]
    const each: RunDrift['parts'] = []
    for (const one of nodes) each.push(...(await driftsOf([one], plansOf)))
    return each
  }
}

function driftOfPart({ id, waitFor }: PlanNode, plan: Plan | undefined): RunDrift['parts'] {
  if (waitFor?.kind !== 'run' || plan === undefined || plan.digest === waitFor.digest) return []
  const { changed, differs } = partDrift(waitFor, plan)
  return [{ node: id, changed: changed.map(({ name }) => name), differs, unplanned: null }]
}
