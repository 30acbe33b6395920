import { randomBytes } from 'node:crypto'
import { subjectOf } from '#api/approval-service.ts'
import type { Draft, FailoverRequest } from '#api/schema/request.ts'
import type { RequestService, RunService, Services } from '#api/services.ts'
import { scopeOf } from '#approval/statement.ts'
import { stepsAtOnce } from '#engine/options.ts'
import { HaetaeError, isHaetaeError } from '#model/errors.ts'
import { instant, type Clock } from '#model/time.ts'
import { untoldLosses } from '#plan/assumptions.ts'
import { isUntold, partRequestOf } from '#plan/part.ts'
import type { Plan } from '#plan/plan.ts'
import type { Catalogue } from '../catalogue.ts'
import type { Config } from '../config.ts'
import { missingForRuns, type Execution } from '../execution.ts'
import type { PlanObserver } from '../observer.ts'
import { places } from '../places.ts'
import type { Planner, PlanningRequest } from '../planner.ts'
import { plansOfParts } from '../plans-of-parts.ts'
import type { World } from '../world.ts'

interface Needs {
  config: Config
  catalogue: Catalogue
  planner: Planner
  world: World
  clock: Clock
  execution: Execution
  runs: RunService
  observer: PlanObserver
}

/** Plans that are only looked at, at once: half of the planner's places stay for what people have signed. */
const looksAtMost = 8

/** What a request does not say of its plan. */
type Ground = Pick<PlanningRequest, 'active' | 'now'>

/** Requests of runs: planned here, signed by people, executed by this site. */
export function requestServices(needs: Needs): Pick<Services, 'failover' | 'operations'> {
  const { planner, config } = needs
  const look = places(looksAtMost, 'a plan')
  return {
    failover: serviceOf(needs, look, ({ fleet }) => (fleet === undefined ? 'F' : 'E'), failoverPlans(needs)),
    operations: serviceOf(
      needs,
      look,
      () => 'O',
      ({ runbook, systems, inputs = {} }, ground) =>
        planner.operation({ ...ground, site: config.site, runbook, systems, inputs }),
    ),
  }
}

/** One run of all systems; or a fleet, of which the plan of one system may be asked for. */
function failoverPlans(needs: Needs) {
  const { planner, config, observer } = needs
  return async (request: FailoverRequest, ground: Ground, draft?: Plan): Promise<Plan> => {
    const { fromSite, systems, fleet, only } = request
    const asked = {
      ...ground,
      ...{ fromSite, toSite: config.site },
      ...(systems === undefined ? {} : { systems }),
      // Of whose loss nothing could be told in the draft, nothing is told now: a measure that came back meanwhile
      // changes no plan that was read.
      lossUntold: draft === undefined ? lossUntold(needs, fromSite) : untoldIn(draft),
    }
    if (fleet === undefined) return planner.failover(asked)
    const durations = { measured: await observer.measured(), atOnce: stepsAtOnce }
    const whole = await planner.evacuation({ ...asked, runbook: fleet, durations })
    if (only === undefined) return whole
    const node = whole.subject.nodes.find(({ system }) => system === only)
    if (node !== undefined) return planner.part({ ...ground, ...partRequestOf(whole, node, false) })
    throw new HaetaeError('system-unknown', only, { why: 'it is not among the systems that go' })
  }
}

function untoldIn({ subject }: Plan): string[] {
  const parts = subject.nodes.filter(isUntold).flatMap(({ system }) => system ?? [])
  return [...untoldLosses(subject.assumptions), ...parts]
}

/** What every request of a run may say. */
interface Asked {
  systems?: string[] | undefined
  fleet?: string | undefined
}

/** The names of its runs begin with the letter. */
function serviceOf<Request extends Asked>(
  needs: Needs,
  look: ReturnType<typeof places>,
  letter: (request: Request) => string,
  planOf: (request: Request, ground: Ground, draft?: Plan) => Promise<Plan>,
): RequestService<Request> {
  const { execution, runs, clock, observer } = needs
  const observe = (plan: Plan) => observer.observe(plan, plansOfParts(needs, plan))
  const drafts = new Drafts()
  const planNow = (request: Request, draft?: Plan) =>
    planFree(needs, request, (ground) => planOf(request, ground, draft))
  return {
    async plan(request) {
      const plan = await look(async () => observe(await planNow(request)))
      return drafts.keep({ run: newRunId(letter(request), clock.now()), plan })
    },
    async declare(request, by) {
      const { run, declaration } = request
      const known = await execution.journal.run(run)
      // The same request again, after a lost answer: the run is there, and its plan is what was signed.
      if (known !== undefined) return again(needs, run, by.principal, declaration)
      const draft = drafts.of(run)
      const made = await planNow(request, draft)
      const target = subjectOf({ id: run, plan: made, requester: by.principal, ended: false })
      const statement = await execution.approvals.declare(target, declaration, by.principal)
      const plan = draft?.digest === made.digest ? draft : await observe(made)
      await execution.engine
        .start({ id: run, plan, requester: statement.principal, reason: statement.reason })
        .catch((error: unknown) => {
          // Two identical requests at once: the other one created it.
          if (!isHaetaeError(error, 'run-exists')) throw error
        })
      await needs.world.refresh()
      return runs.show(run)
    },
  }
}

async function again(
  { execution, runs }: Needs,
  run: string,
  principal: string,
  declaration: { statement: string; signature: string },
) {
  const view = await execution.engine.runs.getRun(run)
  const target = subjectOf({ id: run, plan: view.plan, requester: view.requester, ended: false })
  await execution.approvals.declare(target, declaration, principal)
  return runs.show(run)
}

/** A plan from the newest authorities on record, over systems that no run holds. Throws what `planOf` throws, and `system-locked`. */
async function planFree(
  { config, world, clock, execution }: Needs,
  { systems = [], fleet }: Asked,
  planOf: (ground: Ground) => Promise<Plan>,
): Promise<Plan> {
  const missing = missingForRuns(config)
  if (missing.length > 0) {
    throw new HaetaeError('plan-impossible', `a run at ${config.site}`, {
      why: `the daemon of ${config.site} is not configured for runs: ${missing.join(', ')}`,
    })
  }
  await world.refresh()
  const ground = () => ({ active: world.activeAt(), now: clock.now() })
  // Of a fleet, a system that is held when its turn comes is held back alone.
  if (fleet !== undefined) return planOf(ground())
  refuseHeld(await execution.journal.locks(), systems)
  const plan = await planOf(ground())
  refuseHeld(await execution.journal.locks(), scopeOf(plan.subject).systems)
  return plan
}

/** Systems with data whose source nobody ever saw alive: what it had last cannot be told. */
function lossUntold(
  { catalogue, execution }: Pick<Needs, 'catalogue' | 'execution'>,
  site: string,
): string[] {
  return catalogue.estate.systems
    .filter(({ components }) => components?.database !== undefined)
    .map(({ id }) => id)
    .filter((id) => execution.loss.sourceHeartbeat(id, site) === undefined)
}

/** Said already when planning, so that nobody signs a plan that cannot start. The journal decides in the end. */
function refuseHeld(locks: readonly { system: string; runId: string }[], systems: readonly string[]): void {
  const held = locks.filter((lock) => systems.includes(lock.system))
  const [first] = held
  if (first === undefined) return
  throw new HaetaeError('system-locked', held.map(({ system }) => system).join(', '), {
    why: held.map(({ system, runId }) => `${system} is held by run ${runId}`).join('; '),
    facts: { holders: held.map(({ system, runId }) => ({ system, run: runId })) },
  })
}

/** All plans that are kept as drafts together have at most so many nodes: each is about 1 kB. */
const draftNodesAtMost = 50_000

/**
 * The newest drafts by the id of their run: a run keeps beside its plan what its requester was shown. A draft that is no
 * longer here, after a restart or because it is too large, is looked at again.
 */
class Drafts {
  readonly #kept = new Map<string, Plan>()
  #nodes = 0

  keep(draft: Draft): Draft {
    this.#kept.set(draft.run, draft.plan)
    this.#nodes += draft.plan.subject.nodes.length
    for (const [run, plan] of this.#kept) {
      if (this.#nodes <= draftNodesAtMost) break
      this.#kept.delete(run)
      this.#nodes -= plan.subject.nodes.length
    }
    return draft
  }

  of(run: string): Plan | undefined {
    return this.#kept.get(run)
  }
}

/** A name that people can type back: `F-20261124-0612-3fa9`. */
function newRunId(letter: string, now: number): string {
  const [day = '', time = ''] = instant(now).split('T')
  return `${letter}-${day.replaceAll('-', '')}-${time.slice(0, 5).replace(':', '')}-${randomBytes(2).toString('hex')}`
}
