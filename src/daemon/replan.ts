import { differenceText, shortened } from '#model/difference.ts'
import { isHaetaeError, type HaetaeError } from '#model/errors.ts'
import type { Localized } from '#model/localized.ts'
import type { Clock } from '#model/time.ts'
import type { Plan } from '#plan/plan.ts'
import { untoldLosses } from '#plan/assumptions.ts'
import { sketchesOf, stepDifferences } from '#plan/part-drift.ts'
import type { Planner, PlanningRequest } from './planner.ts'
import type { World } from './world.ts'

interface Needs {
  planner: Pick<Planner, 'failover' | 'operation'>
  world: Pick<World, 'refresh' | 'activeAt'>
  clock: Pick<Clock, 'now'>
}

/** Why the actions of a plan would be other ones if it were made now; undefined while they are the same. */
export type WhyReplanned = (plan: Plan) => Promise<Localized | undefined>

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
  // An operation has one runbook, for all its systems; those that it calls come after it, as digestsOf put them.
  const [runbook = ''] = Object.keys(runbooks)
  return planner.operation({ ...ground, site: toSite, runbook, systems })
}

/** Why nothing can be planned any more. */
export function noPlan({ message, why, whyKo = why }: HaetaeError): Localized {
  return {
    en: `it could not be planned any more: ${[message, why].filter(Boolean).join(': ')}`,
    ko: `더 이상 계획할 수 없습니다: ${[message, whyKo].filter(Boolean).join(': ')}`,
  }
}

const differencesAtMost = 10

function whyOther(before: Plan['subject'], now: Plan['subject']): Localized | undefined {
  const all = stepDifferences(sketchesOf(before.nodes), sketchesOf(now.nodes))
  if (all.length === 0) return undefined
  const first = all.slice(0, differencesAtMost).map((one) => differenceText(shortened(one)))
  const named = first.join('; ')
  const more = all.length - differencesAtMost
  return {
    en: `planned now, these steps would be other ones: ${named}${more > 0 ? `; and ${more} more: compare with \`plan --out\` and \`plan diff\`` : ''}`,
    ko: `지금 계획하면 다른 단계: ${named}${more > 0 ? `; 외 ${more}개: \`plan --out\`과 \`plan diff\`로 비교` : ''}`,
  }
}
