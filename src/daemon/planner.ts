import type { Estate, Grade } from '#estate/estate.ts'
import type { Plan } from '#plan/plan.ts'
import type {
  ActiveAt,
  EvacuationRequest,
  FailoverRequest,
  OperationRequest,
  PartRequest,
  PartsRequest,
} from '#plan/request.ts'
import { OffLoop } from '#platform/off-loop.ts'
import type { RunbookSource } from '#runbook/load.ts'
import type { Catalogue } from './catalogue.ts'

/** What the thread plans with: what of the catalogue can be handed over. */
export interface PlanningData {
  estate: Estate
  runbookSources: readonly RunbookSource[]
  /** Grades of systems on which no operation runs without an approval, by policy. */
  approvedGrades: readonly Grade[]
}

/** A request with everything that is not of the catalogue. */
type Asked<Request> = Omit<Request, 'estate' | 'runbooks' | 'stepTypes' | 'world' | 'approvedGrades'> & {
  /** Where each system is primary, by the newest epoch on record. */
  active: ReadonlyMap<string, ActiveAt>
}
export type PlanningRequest =
  | ({ mode: 'failover' } & Asked<FailoverRequest>)
  | ({ mode: 'evacuation' } & Asked<EvacuationRequest>)
  | ({ mode: 'part' } & Asked<PartRequest>)
  | ({ mode: 'parts' } & Asked<PartsRequest>)
  | ({ mode: 'operation' } & Asked<OperationRequest>)

/** Plans beside the event loop: thousands of systems take seconds, and terms are renewed meanwhile. */
export interface Planner {
  /** Throws what `planFailover` throws, and `work-failed`. */
  failover(request: Asked<FailoverRequest>): Promise<Plan>
  /** Throws what `planEvacuation` throws, and `work-failed`. */
  evacuation(request: Asked<EvacuationRequest>): Promise<Plan>
  /** Throws what `planPart` throws, and `work-failed`. */
  part(request: Asked<PartRequest>): Promise<Plan>
  /** The plans of several systems of a fleet. Throws what `planPart` throws, and `work-failed`. */
  parts(request: Asked<PartsRequest>): Promise<Plan[]>
  /** Throws what `planOperation` throws, and `work-failed`. */
  operation(request: Asked<OperationRequest>): Promise<Plan>
  close(): Promise<void>
}

/** 15,000 systems take some 5 s and 1.3 GB where nothing else runs. */
const limits = { withinMs: 120_000, memoryMb: 3_072, callsAtMost: 16 }

export function startPlanner({
  estate,
  runbookSources,
  approvalPolicy,
}: Pick<Catalogue, 'estate' | 'runbookSources' | 'approvalPolicy'>): Planner {
  const thread = new OffLoop<PlanningRequest, Plan[]>({
    module: new URL('planner-thread.ts', import.meta.url),
    data: { estate, runbookSources, approvedGrades: approvalPolicy.operations } satisfies PlanningData,
    what: 'a plan',
    ...limits,
  })
  const one = async (request: PlanningRequest) => (await thread.call(request))[0] as Plan
  return {
    failover: (request) => one({ ...request, mode: 'failover' }),
    evacuation: (request) => one({ ...request, mode: 'evacuation' }),
    part: (request) => one({ ...request, mode: 'part' }),
    parts: (request) => thread.call({ ...request, mode: 'parts' }),
    operation: (request) => one({ ...request, mode: 'operation' }),
    close: () => thread.close(),
  }
}
