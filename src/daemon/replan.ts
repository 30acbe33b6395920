import { digestOf } from '#model/digest.ts'
import { isHaetaeError, type HaetaeError } from '#model/errors.ts'
import type { Clock } from '#model/time.ts'
import type { Plan } from '#plan/plan.ts'
import { untoldLosses } from '#plan/assumptions.ts'
import type { Planner, PlanningRequest } from './planner.ts'
import type { World } from './world.ts'

interface Needs {
  planner: Pick<Planner, 'failover' | 'operation'>
  world: Pick<World, 'refresh' | 'activeAt'>
  clock: Pick<Clock, 'now'>
}

/** Why the actions of a plan would be other ones if it were made now; undefined while they are the same. */
export type WhyReplanned = (plan: Plan) => Promise<string | undefined>

/**
 * Plans again from today's estate, runbooks and step types. A difference that changes no step is none. Throws when the
 * planning itself failed.
 */
export function replanner({ planner, world, clock }: Needs): WhyReplanned {
  return async ({ subject }) => {
    // The systems of a fleet are planned again one by one, each when its turn comes.
    if (subject.part === true || isFleet(subject)) return undefined
    await world.refresh()
    const ground = { active: world.activeAt(), now: clock.now(), inputs: subject.inputs }
    try {
      const again = await planAgain(planner, subject, ground)
      return whyOther(subject, again.subject)
    } catch (error) {
      if (!isHaetaeError(error) || error.code === 'work-failed') throw error
      return noPlan(error)
    }
  }
}

function isFleet({ nodes }: Plan['subject']): boolean {
  return nodes.some(({ waitFor }) => waitFor?.kind === 'run')
}

function planAgain(
  planner: Needs['planner'],
  { mode, fromSite, toSite, nodes, runbooks, assumptions }: Plan['subject'],
  ground: Pick<PlanningRequest, 'active' | 'now'> & { inputs: Record<string, unknown> },
): Promise<Plan> {
  const systems = [...new Set(nodes.flatMap(({ system }) => system ?? []))]
  if (mode === 'failover' && fromSite !== undefined)
    return planner.failover({ ...ground, fromSite, toSite, systems, lossUntold: untoldLosses(assumptions) })
  // The runbooks that it calls come after it.
  const [runbook = ''] = Object.keys(runbooks)
  return planner.operation({ ...ground, site: toSite, runbook, systems })
}

function noPlan(error: HaetaeError): string {
  return `it could not be planned any more: ${[error.message, error.why].filter(Boolean).join(': ')}`
}

function whyOther(before: Plan['subject'], now: Plan['subject']): string | undefined {
  const old = new Map(before.nodes.map((node) => [node.id, digestOf(node)]))
  const other = now.nodes.filter((node) => old.get(node.id) !== digestOf(node)).map(({ id }) => id)
  const ids = new Set(now.nodes.map(({ id }) => id))
  const gone = [...old.keys()].filter((id) => !ids.has(id))
  const all = [...other, ...gone]
  if (all.length === 0) return undefined
  const more = all.length > 5 ? ` and ${all.length - 5} more` : ''
  return `planned now, these steps would be other ones: ${all.slice(0, 5).join(', ')}${more}`
}
