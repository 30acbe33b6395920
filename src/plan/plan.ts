import type { Localized } from '#model/localized.ts'
import type { Mode, OnUnreachable, RetryOn } from '#runbook/schema.ts'
import type { Change } from '#runbook/step-type.ts'

/** What plans are made for: a system is taken to another site, or something is done to it where it is active. */
export type PlanMode = Extract<Mode, 'failover' | 'operation'>

/** Deadlines and tries of one node, milliseconds. */
export interface NodeLimits {
  attemptMs: number
  totalMs: number
  retryMax: number
  /** Pause before try n+1 is `retryBaseMs * 2^(n-1)`, at most 30 s. */
  retryBaseMs: number
  /** Kinds of failures that are tried again; absent: every kind. After another kind a person is asked. */
  retryOn?: RetryOn[]
}

/** A gate waits for people; it has no effect. */
export interface Gate {
  purpose: PlanMode | 'attestation'
  /** Distinct people, none of them the requester. */
  quorum: number
}

/** What a node waits for that has neither a step type nor signatures. */
export type WaitFor =
  /** A person of the role does what the instructions say, and confirms it. */
  | { kind: 'person'; role: string; instructions: Localized }
  /** So long, from when all that it needs had ended. */
  | { kind: 'time'; ms: number }
  /** That at most so many of its `after` failed: the end of a batch of a `foreach`, or of a runbook that was called. */
  | { kind: 'steps'; maxFailures: number }
  /** That the run of its own, which the node stands for, succeeded: a system of a fleet. */
  | OwnRun
  /** That at most so many systems of a fleet failed. They begin in their order, at most so many at once; the ramp is the sizes of the first groups. */
  | { kind: 'fleet'; maxFailures: number; maxParallel?: number; ramp?: number[] }
  /** For a step in the run of another system of the same fleet. */
  | { kind: 'sibling'; system: string; node: string }

export interface OwnRun {
  kind: 'run'
  /** Digest of the run's plan, as people approved it. */
  digest: string
  /** What the digest is made of, so that it can be told what changed. */
  parts: Record<string, unknown>
  /** Its steps, so that it can be told in words what changed; absent in a large fleet. */
  steps?: Record<string, StepSketch>
  /** Systems of the fleet that this one cannot serve without. */
  prerequisites: string[]
}

/** What a fleet's plan holds of a step of one of its systems. */
export interface StepSketch {
  type: string
  with: Record<string, unknown>
  needs: string[]
  /** The beginning of a digest of everything else: title, limits, verification. */
  rest: string
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
  /** Nodes that must have succeeded. */
  needs: string[]
  /** Nodes that must have ended, whatever became of them. */
  after?: string[]
  waitFor?: WaitFor
  /** Runs at the end, whatever became of `after`, unless nothing was begun there; the outcome of the run does not count it. */
  finally?: true
  /** The node that tells how many items of a `foreach` failed, for a node of one item: while that one passes, this one's failure is not the run's. */
  group?: string
  /** What is done when the target does not answer; absent: `wait`. */
  onUnreachable?: OnUnreachable
  limits: NodeLimits
  /** `verify` of the step: observe + judge must say `holds` again within this time, looked at every so often. */
  verify: { withinMs: number; everyMs: number } | null
  /** Wave of the node's system in the plan, from 1; gates of the whole plan are in wave 0. */
  wave: number
}

/** What the plan took for granted; checked again at start and before every point of no return. */
export interface Assumption {
  /** `actions` is of every plan and not listed in it: planned now, it would be the same steps with the same inputs. */
  kind: 'actions' | 'source-silent' | 'active-site' | 'fence' | 'recovery-point' | 'loss-bound'
  subject: string
  statement: Localized
  /** Machine-readable bound, e.g. `{ "site": "daejeon" }` or `{ "seconds": 300 }`; seconds null: it cannot be told, and is agreed to. */
  bound: Record<string, unknown>
}

export type Recoverability = 'full' | 'limited' | 'not-recoverable'

export interface SystemForecast {
  system: string
  wave: number
  /** Absent in an operation: nothing is lost, and nothing recovered. */
  recoverability?: Recoverability
  /** Why this place in the order, and what is lost or left out. */
  why: Localized[]
  rtoTargetMs: number
  /** null for a system that keeps no data: it has nothing to lose. */
  rpoTargetMs: number | null
}

/**
 * A runbook resolved against estate and world. `digest` is over everything in `subject`,
 * and approvals bind to it; `observed` is stored beside it and is not part of it.
 */
export interface Plan {
  digest: string
  subject: {
    mode: PlanMode
    /** It is of one system of a fleet: planned again when its turn comes, and under the approvals of the fleet. */
    part?: true
    /** The site that is lost or distrusted; absent in an operation, where nothing moves. */
    fromSite?: string
    /** The site that executes: it takes the systems, or has them already. */
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
  observed: Observed
}

/** The world as it was when the plan was made. */
export interface Observed {
  at: string
  /** By node: what it would change. */
  changes: Record<string, Change[]>
  /** Absent where nobody looked. */
  forecast?: Forecast
  /** Of a fleet: the changes of its systems, counted. Each system's own plan shows them one by one. */
  fleet?: FleetChanges
}

/** How sure changes are, by their number; `refused` are among them. `notLooked`: steps that nobody looked at. */
export interface ChangeCounts {
  exact: number
  predicted: number
  opaque: number
  refused: number
  notLooked: number
}

export interface FleetChanges {
  /** Systems that go, and those of them of which every step was looked at, as it stands in what people sign. */
  systems: { all: number; looked: number }
  /** By site and step type. */
  kinds: ({ site: string; type: string } & ChangeCounts)[]
  /** By system, of those of which anything was looked at. */
  bySystem: Record<string, ChangeCounts>
  /** Systems that were not looked at, or not wholly, and why; the first ones by name. */
  left: { why: Localized; systems: number; such: string[] }[]
}

export interface Forecast {
  /** By system: what would be lost of it now. */
  loss: Record<string, LossForecast>
  duration?: DurationForecast
}

export interface LossForecast {
  /** Seconds of acknowledged work; null when it cannot be told. */
  seconds: number | null
  /** It may be less. */
  atMost: boolean
  /** The newest sign of life of its source that was seen, by the source's clock: what a later look is compared with. */
  sourceHeartbeatAt: string | null
  why: Localized
}

/** How long the steps take from when people have decided; nobody's time to decide is in it. */
export interface DurationForecast {
  ms: number
  /** Nodes that decide about `ms`, in order; of a fleet, those of its systems' plans. */
  criticalPath: string[]
  /** By system: when its last step has ended. */
  systems: Record<string, number>
  /** By step type: the median of earlier runs. */
  measured: Record<string, { ms: number; steps: number; runs: number }>
  /** Step types that no earlier run measured: the limit of one try was taken. */
  fromLimits: string[]
}
