import type { Clock } from '#model/time.ts'
import type { Json } from '#model/digest.ts'
import type { PlanNode } from '#plan/plan.ts'
import type { AnyStepType } from '#runbook/step-type.ts'
import type {
  Approvals,
  Assumptions,
  AuthorityHeld,
  Contexts,
  EngineLog,
  EngineMetrics,
  ResolveInput,
} from '../ports.ts'
import type { EngineEvent } from '../state/events.ts'
import type { NodeView, RunView } from '../state/view.ts'
import type { Term } from '../journal/journal.ts'
import type { Children } from './children.ts'
import type { Fleet } from './fleet.ts'
import type { Slots } from './slots.ts'

/** What the engine is made of, for all runs alike. */
export interface Parts {
  readonly stepTypes: ReadonlyMap<string, AnyStepType>
  readonly contexts: Contexts
  readonly approvals: Approvals
  readonly assumptions: Assumptions
  readonly authority: AuthorityHeld
  readonly resolve: ResolveInput
  readonly clock: Clock
  /** Milliseconds that only grow, whatever happens to the clock on the wall. */
  readonly monotonic: () => number
  readonly log: EngineLog
  readonly metrics: EngineMetrics
  readonly slots: Slots
  readonly children: Children
}

/** What the work on one node may do to its run. */
export interface RunHost {
  readonly parts: Parts
  readonly view: RunView
  /** The hold under which this process executes it. */
  readonly term: Term
  /** Aborts when the term is over or the engine stops. */
  readonly signal: AbortSignal
  /** Aborts when the run is canceled, or with `signal`. */
  readonly cancelSignal: AbortSignal
  /** Writes events; dependents may begin at once, because what they write lands behind. */
  note(...events: EngineEvent[]): void
  /** Writes events and returns when they are durable. Throws Stopped when that cannot be known. */
  durable(...events: EngineEvent[]): Promise<void>
  /**
   * Writes events, and takes everything that people asked for up to then: what the view says after it was so when they
   * were written, under this term. Throws Stopped when that cannot be known.
   */
  confirmed(...events: EngineEvent[]): Promise<void>
  /** The node's view. Throws Stopped when nothing may be begun on it any more. */
  go(node: string): NodeView
  /** A node of the plan. */
  planNode(node: string): PlanNode
  /** Throws Stopped when this process cannot be sure of its term: called right before every effect. */
  assertHeld(): void
  /** Ends after `ms`, or sooner when something happened: a signature, a decision, a cancel. Throws Stopped. */
  pause(ms: number): Promise<void>
  /** Ends when the run is not paused, at once when it is not; true when it was. Throws Stopped. */
  untilResumed(): Promise<boolean>
  /** The fleet that a system's node is an item of, by the node at which it ends. */
  fleet(join: string): Fleet
  /** Ends when the run has started: its assumptions hold. */
  started(): Promise<void>
  outputs(): ReadonlyMap<string, Json>
}

export type NodeWork = (host: RunHost, node: PlanNode) => Promise<void>
