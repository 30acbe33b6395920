import { subjectOf } from '#api/approval-service.ts'
import type { Subjects } from '#approval/record.ts'
import type { Journal } from '#engine/journal/journal.ts'
import { terminalRunStates } from '#model/states.ts'
import type { Plan } from '#plan/plan.ts'

/** Plans kept: a plan never changes, and every step of a fleet's runs asks who signed the fleet's. */
const keptPlans = 64

/** What people sign over, by the journal. A system's run of a fleet stands on what was signed over the fleet. */
export function subjectsIn(journal: Journal): Subjects {
  const kept = new Map<string, Plan>()
  const planOf = async (run: string): Promise<Plan> => {
    const plan = kept.get(run) ?? (await journal.plan(run))
    kept.delete(run)
    kept.set(run, plan)
    const [oldest] = kept.keys()
    if (kept.size > keptPlans && oldest !== undefined) kept.delete(oldest)
    return plan
  }
  return {
    async find(run) {
      const row = await journal.run(run)
      if (row === undefined) return undefined
      const { requester, state, parent } = row
      const plan = await planOf(run)
      const subject = subjectOf({ id: run, plan, requester, ended: terminalRunStates.has(state) })
      if (parent === null || !isPartOf(await planOf(parent), plan)) return subject
      return { ...subject, coveredBy: parent }
    },
  }
}

/** Whether a plan is in the plan of a fleet by its digest: then who signed the one signed the other. */
function isPartOf({ subject }: Plan, { digest }: Plan): boolean {
  return subject.nodes.some(({ waitFor }) => waitFor?.kind === 'run' && waitFor.digest === digest)
}
