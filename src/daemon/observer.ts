import type { Pool } from 'pg'
import { stepDurations } from '#engine/journal/durations.ts'
import { stepsAtOnce } from '#engine/options.ts'
import { messageOf } from '#model/errors.ts'
import { instant, type Clock } from '#model/time.ts'
import { durationOf, type Measured } from '#plan/duration.ts'
import { createLane } from '#plan/lane.ts'
import { observeFleet, type PartsOf } from '#plan/observe-fleet.ts'
import { observePlan } from '#plan/observe.ts'
import { runsOf } from '#plan/part.ts'
import type { Forecast, LossForecast, Plan } from '#plan/plan.ts'
import type { Log } from '#platform/log.ts'
import { stepTypes } from '#steps/index.ts'
import type { Config } from './config.ts'
import type { Execution } from './execution.ts'
import { lossFrom, untoldLoss, type LossParts } from './loss.ts'

interface Needs {
  config: Pick<Config, 'site'>
  pool: Pool
  clock: Clock
  log: Log
  execution: Pick<Execution, 'readers' | 'loss'>
}

export interface PlanObserver {
  /**
   * The plan with what it would change as the world is now, what would be lost, and how long it will take. Writes nothing;
   * takes no longer than about ten seconds, whoever is silent. Of a fleet the changes are counted, when there is somebody
   * to ask for the plans of its systems.
   */
  observe(plan: Plan, partsOf?: PartsOf): Promise<Plan>
  /** How long steps took in earlier runs. */
  measured(): Promise<Measured>
}

/** One target has half of the time that the whole has: when it stays silent there is time for what comes after it. */
export const planningBounds = { withinMs: 5_000, totalMs: 10_000, concurrency: 16 }
/** Runs that durations are learnt from: enough for a median, and new enough for the machines that there are. */
const measuredRuns = 20

/** Looks at the world for plans, with the targets of this site and without their writers. */
export function planObserver({ config, pool, clock, log, execution }: Needs): PlanObserver {
  const { site } = config
  const measured = async (): Promise<Measured> => {
    try {
      return await stepDurations(pool, { runs: measuredRuns, withinMs: planningBounds.withinMs })
    } catch (error) {
      log.warn({ why: messageOf(error) }, 'durations of earlier runs could not be read; limits are taken')
      return new Map()
    }
  }
  const observe = async (plan: Plan, partsOf?: PartsOf): Promise<Plan> => {
    const signal = AbortSignal.timeout(planningBounds.totalMs)
    const looking = { stepTypes, clock, site, ...planningBounds, readers: execution.readers(), signal }
    // How long a fleet takes was told by whoever made the plans of its systems.
    if (runsOf(plan.subject.nodes).length > 0) {
      const at = instant(clock.now())
      const [loss, fleet] = await Promise.all([
        lossesOf(plan, execution.loss, signal),
        partsOf === undefined ? undefined : observeFleet(plan, partsOf, looking),
      ])
      const { observed } = plan
      const forecast = { ...observed.forecast, loss }
      return { ...plan, observed: { ...observed, at, forecast, ...(fleet === undefined ? {} : { fleet }) } }
    }
    const [observed, loss, durations] = await Promise.all([
      observePlan(plan, looking),
      lossesOf(plan, execution.loss, signal),
      measured(),
    ])
    const duration = durationOf(plan.subject.nodes, durations, stepsAtOnce)
    const forecast: Forecast = { loss, duration }
    return { ...plan, observed: { ...observed.observed, forecast } }
  }
  return { observe, measured }
}

/** What would be lost of each system that moves, were it promoted now. */
async function lossesOf(
  { subject }: Plan,
  parts: LossParts,
  signal: AbortSignal,
): Promise<Record<string, LossForecast>> {
  const { fromSite } = subject
  // Where nothing is left, nothing is lost.
  if (fromSite === undefined) return {}
  const lane = createLane(planningBounds.concurrency)
  const systems = new Set(subject.nodes.flatMap(({ system }) => system ?? []))
  const look = async (system: string): Promise<LossForecast> => {
    const seen = parts.sourceHeartbeat(system, fromSite)
    try {
      const within = AbortSignal.any([signal, AbortSignal.timeout(planningBounds.withinMs)])
      return lossFrom(seen, await parts.standby(system, within))
    } catch (error) {
      const why = messageOf(error)
      return untoldLoss(seen, {
        ko: `대기 서버를 볼 수 없음: ${why}`,
        en: `its standby cannot be seen: ${why}`,
      })
    }
  }
  const found = [...systems].map((system) => lane(async () => [system, await look(system)] as const))
  return Object.fromEntries(await Promise.all(found))
}
