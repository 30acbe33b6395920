import type { Clock } from '#model/time.ts'
import { observePlan } from '#plan/observe.ts'
import type { Plan } from '#plan/plan.ts'
import { stepTypes } from '#steps/index.ts'
import type { Config } from './config.ts'
import type { Execution } from './execution.ts'

interface Needs {
  config: Pick<Config, 'site'>
  clock: Clock
  execution: Pick<Execution, 'readers'>
}

/** The plan with what it would change as the world is now. Writes nothing; never takes longer than ten seconds. */
export type PlanObserver = (plan: Plan) => Promise<Plan>

/** One target has half of the time that the whole has: when it stays silent there is time for what comes after it. */
const bounds = { withinMs: 5_000, totalMs: 10_000, concurrency: 16 }

/** Looks at the world for plans, with the targets of this site and without their writers. */
export function planObserver({ config, clock, execution }: Needs): PlanObserver {
  const { site } = config
  return (plan) =>
    observePlan(plan, {
      ...{ stepTypes, clock, site, ...bounds },
      readers: execution.readers(),
      signal: new AbortController().signal,
    })
}
