import { planEvacuation } from '#plan/evacuation.ts'
import { planFailover } from '#plan/failover.ts'
import { planOperation } from '#plan/operation.ts'
import { planPart, planParts } from '#plan/part.ts'
import type { Plan } from '#plan/plan.ts'
import { answerOffLoop } from '#platform/off-loop.ts'
import { runbooksFrom } from '#runbook/load.ts'
import { stepTypes } from '#steps/index.ts'
import type { PlanningData, PlanningRequest } from './planner.ts'

/* The thread of planner.ts: it reads the runbooks once, and plans. */
answerOffLoop(({ estate, runbookSources, approvedGrades }: PlanningData) => {
  const sites = estate.sites.map(({ id }) => id)
  const runbooks = runbooksFrom(runbookSources, { stepTypes, sites })
  return ({ active, ...request }: PlanningRequest): Plan[] => {
    const ground = { estate, runbooks, stepTypes, world: { active: (system: string) => active.get(system) } }
    switch (request.mode) {
      case 'failover':
        return [planFailover({ ...request, ...ground })]
      case 'evacuation':
        return [planEvacuation({ ...request, ...ground })]
      case 'part':
        return [planPart({ ...request, ...ground })]
      case 'parts':
        return planParts({ ...request, ...ground })
      case 'operation':
        return [planOperation({ ...request, ...ground, approvedGrades })]
    }
  }
})
