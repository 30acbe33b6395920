import type { DriftService } from '#api/services.ts'
import type { RunDrift } from '#api/schema/plan.ts'
import type { Assumptions } from '#engine/ports.ts'
import type { RunView } from '#engine/state/view.ts'
import { HaetaeError, messageOf } from '#model/errors.ts'
import { terminalRunStates } from '#model/states.ts'
import { driftOf } from '#plan/drift.ts'
import type { PartsOf } from '#plan/observe-fleet.ts'
import type { Plan } from '#plan/plan.ts'
import type { Execution } from '../execution.ts'
import type { PlanObserver } from '../observer.ts'
import { fleetDrift } from './fleet-drift.ts'

interface Needs {
  execution: Pick<Execution, 'engine' | 'assumptions'>
  observe: PlanObserver['observe']
  /** The plans of a fleet's systems as they are now. */
  plansOf: (fleet: Plan) => PartsOf
}

/** Proving takes looks at the other site, which end by themselves. */
const proveWithinMs = 15_000

/** What has changed since a run's plan was made; it looks, and voids nothing: the run itself proves its assumptions. */
export function driftService({ execution, observe, plansOf }: Needs): DriftService {
  return {
    async drift(id) {
      const view = await execution.engine.runs.getRun(id)
      if (terminalRunStates.has(view.state)) {
        throw new HaetaeError('run-ended', `run ${id}`, {
          why: `it ${view.state}`,
          facts: { state: view.state },
        })
      }
      const [{ observed }, proven, parts] = await Promise.all([
        observe(view.plan),
        prove(execution.assumptions, view),
        driftOfParts(view, plansOf(view.plan)),
      ])
      const waits = (node: { id: string }) => {
        const seen = view.nodes.get(node.id)
        return seen === undefined || seen.startedAt === null
      }
      return {
        run: id,
        planDigest: view.plan.digest,
        observedAt: view.plan.observed.at,
        now: observed.at,
        ...proven,
        unproven: [proven.unproven, parts.unproven].filter((why) => why !== null).join('; ') || null,
        parts: parts.found,
        ...driftOf(view.plan, observed, waits),
      }
    },
  }
}

async function driftOfParts(view: RunView, plansOf: PartsOf) {
  try {
    return { found: await fleetDrift(view, plansOf, AbortSignal.timeout(proveWithinMs)), unproven: null }
  } catch (error) {
    return { found: [], unproven: `the systems could not be planned again: ${messageOf(error)}` }
  }
}

/** What the run would find at its start; one that has begun is not planned again: what was approved is what runs. */
async function prove(
  assumptions: Assumptions,
  { id, plan, startedAt }: RunView,
): Promise<Pick<RunDrift, 'broken' | 'unproven'>> {
  const signal = AbortSignal.timeout(proveWithinMs)
  const moment = startedAt === null ? ('start' as const) : ('point-of-no-return' as const)
  try {
    const found = await assumptions.broken({
      ...{ runId: id, plan, moment, node: null, again: false, signal },
    })
    const broken = found.map(({ assumption, why, whyKo }) => ({
      kind: assumption.kind,
      subject: assumption.subject,
      statement: assumption.statement,
      why: whyKo === undefined ? why : { en: why, ko: whyKo },
    }))
    return { broken, unproven: null }
  } catch (error) {
    return { broken: [], unproven: messageOf(error) }
  }
}
