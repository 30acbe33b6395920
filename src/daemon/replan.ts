import { HaetaeError, isHaetaeError } from '#model/errors.ts'
import { digestOf } from '#model/digest.ts'
import type { Clock } from '#model/time.ts'
import type { Plan } from '#plan/plan.ts'
import { untoldLosses } from '#plan/assumptions.ts'
import type { Planner } from './planner.ts'
import type { World } from './world.ts'

interface Needs {
  planner: Pick<Planner, 'failover'>
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
    await world.refresh()
    const systems = [...new Set(subject.nodes.flatMap(({ system }) => system ?? []))]
    try {
      const again = await planner.failover({
        active: world.activeAt(),
        fromSite: subject.fromSite,
        toSite: subject.toSite,
        systems,
        lossUntold: untoldLosses(subject.assumptions),
        inputs: subject.inputs,
        now: clock.now(),
      })
      return whyOther(subject, again.subject)
    } catch (error) {
      if (!isHaetaeError(error) || error.code === 'work-failed') throw error
      return noPlan(error)
    }
  }
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
