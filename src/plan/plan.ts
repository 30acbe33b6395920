import type { Localized } from '#model/localized.ts'
import type { Change } from '#runbook/step-type.ts'

/** Deadlines and tries of one node, milliseconds. */
export interface NodeLimits {
  attemptMs: number
  totalMs: number
  retryMax: number
  /** Pause before try n+1 is `retryBaseMs * 2^(n-1)`, at most 30 s. */
  retryBaseMs: number
}

/** A gate waits for people; it has no effect. */
export interface Gate {
  purpose: 'failover' | 'attestation'
  /** Distinct people, none of them the requester. */
  quorum: number
}

/** One node of the flat graph that the engine runs. */
export interface PlanNode {
  /** `SYSTEM/step`, or the step's id alone where a plan is about no single system. */
  id: string
  system: string | null
  title: Localized
  type: string
  /** StepType.version; 0 for gates. */
  typeVersion: number
  /** Input, resolved as far as planning can; `{"$expr": "..."}` stands where an output of another node is needed. */
  with: Record<string, unknown>
  gate: Gate | null
  needs: string[]
  limits: NodeLimits
  /** `verify` of the step: observe + judge must say `holds` again within this time, looked at every so often. */
  verify: { withinMs: number; everyMs: number } | null
  /** Wave of the node's system in the plan, from 1; gates of the whole plan are in wave 0. */
  wave: number
}

/** What the plan took for granted; checked again at start and before every point of no return. */
export interface Assumption {
  kind: 'source-silent' | 'active-site' | 'fence' | 'loss-bound'
  subject: string
  statement: Localized
  /** Machine-readable bound, e.g. `{ "site": "daejeon" }` or `{ "seconds": 300 }`. */
  bound: Record<string, unknown>
}

export type Recoverability = 'full' | 'limited' | 'not-recoverable'

export interface SystemForecast {
  system: string
  wave: number
  recoverability: Recoverability
  /** Why this place in the order, and what is lost or left out. */
  why: Localized[]
  rtoTargetMs: number
  rpoTargetMs: number
}

/**
 * A runbook resolved against estate and world. `digest` is over everything in `subject`,
 * and approvals bind to it; `observed` is stored beside it and is not part of it.
 */
export interface Plan {
  digest: string
  subject: {
    mode: 'failover'
    fromSite: string
    toSite: string
    /** name → content digest of each runbook used. */
    runbooks: Record<string, string>
    /** Digest of the catalogue entries of the systems named. */
    catalogue: string
    inputs: Record<string, unknown>
    nodes: PlanNode[]
    assumptions: Assumption[]
  }
  systems: SystemForecast[]
  /** What stays out, and why: systems left out by the lab, prerequisites that cannot move. */
  notes: Localized[]
  observed: { at: string; changes: Record<string, Change[]> }
}
