import { randomBytes } from 'node:crypto'
import { subjectOf } from '#api/approval-service.ts'
import type { RequestService, RunService, Services } from '#api/services.ts'
import { scopeOf } from '#approval/statement.ts'
import { HaetaeError, isHaetaeError } from '#model/errors.ts'
import { instant, type Clock } from '#model/time.ts'
import { planFailover } from '#plan/failover.ts'
import { planOperation } from '#plan/operation.ts'
import type { Plan } from '#plan/plan.ts'
import { stepTypes } from '#steps/index.ts'
import type { Catalogue } from '../catalogue.ts'
import type { Config } from '../config.ts'
import { missingForRuns, type Execution } from '../execution.ts'
import type { World } from '../world.ts'

interface Needs {
  config: Config
  catalogue: Catalogue
  world: World
  clock: Clock
  execution: Execution
  runs: RunService
}

/** What every plan of this daemon is made from, but for the request. */
type Ground = Omit<Parameters<typeof planOperation>[0], 'runbook' | 'systems' | 'site' | 'inputs'>

/** Requests of runs: planned here, signed by people, executed by this site. */
export function requestServices(needs: Needs): Pick<Services, 'failover' | 'operations'> {
  const { site } = needs.config
  return {
    failover: serviceOf(needs, 'F', ({ fromSite, systems }, ground) =>
      planFailover({ ...ground, fromSite, toSite: site, ...(systems === undefined ? {} : { systems }) }),
    ),
    operations: serviceOf(needs, 'O', ({ runbook, systems, inputs = {} }, ground) =>
      planOperation({ ...ground, site, runbook, systems, inputs }),
    ),
  }
}

/** Names of its runs begin with the letter. */
function serviceOf<Request extends { systems?: string[] | undefined }>(
  needs: Needs,
  letter: string,
  planOf: (request: Request, ground: Ground) => Plan,
): RequestService<Request> {
  const { execution, runs, clock } = needs
  const plan = (request: Request) => planNow(needs, request.systems, (ground) => planOf(request, ground))
  return {
    plan: async (request) => ({ run: newRunId(letter, clock.now()), plan: await plan(request) }),
    async declare(request, by) {
      const { run, declaration } = request
      const known = await execution.journal.run(run)
      // The same request again, after a lost answer: the run is there, and its plan is what was signed.
      if (known !== undefined) return again(needs, run, by.principal, declaration)
      const planned = await plan(request)
      const target = subjectOf({ id: run, plan: planned, requester: by.principal, ended: false })
      const statement = await execution.approvals.declare(target, declaration, by.principal)
      await execution.engine
        .start({ id: run, plan: planned, requester: statement.principal, reason: statement.reason })
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

/** A plan from the newest authorities on record. Throws what `planOf` throws, and `system-locked`. */
async function planNow(
  { config, catalogue, world, clock, execution }: Needs,
  systems: readonly string[] | undefined,
  planOf: (ground: Ground) => Plan,
): Promise<Plan> {
  const missing = missingForRuns(config)
  if (missing.length > 0) {
    throw new HaetaeError('plan-impossible', `a run at ${config.site}`, {
      why: `the daemon of ${config.site} is not configured for runs: ${missing.join(', ')}`,
    })
  }
  await world.refresh()
  refuseHeld(await execution.journal.locks(), systems ?? [])
  const plan = planOf({
    estate: catalogue.estate,
    runbooks: catalogue.runbooks,
    stepTypes,
    world: { active: (system) => world.authority(system) },
    now: clock.now(),
  })
  refuseHeld(await execution.journal.locks(), scopeOf(plan.subject).systems)
  return plan
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

/** A name that people can type back: `F-20261124-0612-3fa9`. */
function newRunId(letter: string, now: number): string {
  const [day = '', time = ''] = instant(now).split('T')
  return `${letter}-${day.replaceAll('-', '')}-${time.slice(0, 5).replace(':', '')}-${randomBytes(2).toString('hex')}`
}
