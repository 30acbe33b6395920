import type { Json } from '#model/digest.ts'
import type { Localized } from '#model/localized.ts'
import type { Assumption, Gate, Plan, PlanNode } from '#plan/plan.ts'

/*
 * What the engine needs of other rooms. The daemon wires them; the simulation gives its own.
 * Any of them may throw: the engine takes that for "could not be told now" and tries again.
 */

/** Capabilities handed to steps: steps/targets.ts says what they hold. */
export interface Contexts<Readers = unknown, Writers = unknown> {
  readers(node: PlanNode, runId: string): Readers
  writers(node: PlanNode, runId: string): Writers
}

/** Decisions of people at a gate that count now: valid, unexpired, over this plan's digest, on this run. */
export interface Approvals {
  at(request: { runId: string; planDigest: string; requester: string; node: string; gate: Gate }): Promise<{
    granted: string[]
    rejected: { by: string; reason: string }[]
    /** Who opened the gate with fewer people than it takes; absent while nobody did. */
    glassBrokenBy?: string[]
  }>
}

export interface BrokenAssumption {
  assumption: Assumption
  why: string
  /** The same in Korean. */
  whyKo?: string
  facts?: { [key: string]: Json }
}

export interface Assumptions {
  /**
   * Proves the plan's assumptions now; returns those that do not hold.
   * `start`: before the first step. `point-of-no-return`: right before the effect of `node`, its fence included;
   * `again` when an earlier attempt's answer was lost and nothing is there. `effect`: the proof is made; what is left
   * to say is whether people's signatures were voided meanwhile.
   */
  broken(check: {
    runId: string
    plan: Plan
    moment: 'start' | 'point-of-no-return' | 'effect'
    node: PlanNode | null
    again: boolean
    signal: AbortSignal
  }): Promise<BrokenAssumption[]>
}

export interface AuthorityHeld {
  /** The epoch that the run may act under for the system now; undefined when there is none. */
  epochOf(runId: string, system: string, plan: Plan): Promise<number | undefined>
}

/** Replaces what stands for other nodes' outputs in a node's input. Throws when an output is missing or of a wrong kind. */
export type ResolveInput = (node: PlanNode, outputs: ReadonlyMap<string, Json>) => Record<string, unknown>

/**
 * Makes the plan of a system of a fleet as it is now. `ownGates`: it asks for approvals of its own, because those of the
 * fleet are not over it. A HaetaeError says why the system cannot go.
 */
export type PlanChild = (request: {
  fleet: Plan
  node: PlanNode
  ownGates: boolean
  signal: AbortSignal
}) => Promise<Plan>

/** Structured log; pino fits. */
export interface EngineLog {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

/** What is counted. The daemon puts it into prom-client. */
export interface EngineMetrics {
  attemptEnded(type: string, outcome: 'applied' | 'failed' | 'unknown', seconds: number): void
  nodeEnded(type: string, state: string): void
  runEnded(outcome: string, seconds: number): void
  termLost(): void
}

/** Why a node waits, in words and in fields. */
export interface Why {
  reason:
    | 'needs'
    | 'lock'
    | 'approval'
    | 'capacity'
    | 'retry'
    | 'time'
    | 'person'
    | 'paused'
    | 'working'
    | 'canceled'
    | 'ended'
  text: Localized
  facts: { [key: string]: Json }
}
