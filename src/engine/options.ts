import type { Clock } from '#model/time.ts'
import type { AnyStepType } from '#runbook/step-type.ts'
import type { Holder, Journal } from './journal/journal.ts'
import type {
  Approvals,
  Assumptions,
  AuthorityHeld,
  Contexts,
  EngineLog,
  EngineMetrics,
  PlanChild,
  ResolveInput,
} from './ports.ts'

/** Steps under way at once, where nothing else is said. */
export const stepsAtOnce = 128

export interface EngineOptions {
  journal: Journal
  /** By `StepType.type`. */
  stepTypes: ReadonlyMap<string, AnyStepType>
  contexts: Contexts
  approvals: Approvals
  assumptions: Assumptions
  authority: AuthorityHeld
  resolve: ResolveInput
  /** Absent: this engine runs no fleets. */
  planChild?: PlanChild
  clock: Clock
  log: EngineLog
  metrics: EngineMetrics
  /** `daemon` names the data folder: one process at a time. `incarnation` is new at every start. */
  holder: Holder
  /** How long a term lasts without being renewed; renewed every third of it. */
  ttlMs?: number
  /** Steps under way at once, over all runs. */
  concurrency?: number
  /** How often commands of people are looked for that did not come through this process. */
  commandsEveryMs?: number
  /** Milliseconds that only grow, whatever happens to the clock on the wall. */
  monotonic?: () => number
}
