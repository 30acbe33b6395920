import type { Estate, Grade } from '#estate/estate.ts'
import type { Runbook } from '#runbook/runbook.ts'
import type { AnyStepType } from '#runbook/step-type.ts'
import type { Measured } from './duration.ts'
import type { PlanMode } from './plan.ts'

/** Where a system is primary now, by the newest epoch on record. */
export interface ActiveAt {
  site: string
  epoch: number
  /** The site that it still leaves: a run took the authority over for `site`, and ended before it promoted or opened it. */
  leaves?: string
}

/** What is observed of the estate, as far as a plan's subject depends on it. */
export interface World {
  /** undefined for a system whose authority nobody has on record: it counts as active at its home, without an epoch. */
  active(system: string): ActiveAt | undefined
}

/** What every plan is made from. */
interface Ground {
  estate: Estate
  /** By name. */
  runbooks: ReadonlyMap<string, Runbook>
  stepTypes: ReadonlyMap<string, Pick<AnyStepType, 'input'>>
  world: World
  /** Values for the inputs that the runbooks declare. */
  inputs?: Readonly<Record<string, unknown>>
  /** Milliseconds; stored beside the subject, not in it. */
  now: number
}

export interface FailoverRequest extends Ground {
  /** The site that is lost or distrusted. */
  fromSite: string
  /** The site that executes, and takes the systems. */
  toSite: string
  /** Absent: every system that is active at the lost site. */
  systems?: readonly string[]
  /** Systems of whose loss nothing can be told, because their source was never seen: the plan says so, and has no bound for it. */
  lossUntold?: readonly string[]
}

/** A failover of many systems, each in a run of its own. */
export interface EvacuationRequest extends FailoverRequest {
  /** Name of the runbook with the `fleet` step; each system has its own besides. */
  runbook: string
  /** How long steps took before, and how many run at once: the plan then says how long the fleet will take. */
  durations?: { measured: Measured; atOnce: number }
}

/** The runs of some systems of a fleet, each with its wave in the fleet. */
export interface PartsRequest extends Omit<FailoverRequest, 'systems'> {
  systems: readonly { system: string; wave: number }[]
  /** The systems of the fleet. */
  fleet: readonly string[]
  /** They ask for approvals of their own: those of their fleet are not over these plans. */
  ownGates: boolean
}

/** The run of one system of a fleet. */
export type PartRequest = Omit<PartsRequest, 'systems'> & { system: string; wave: number }

export interface OperationRequest extends Ground {
  /** Name of the runbook, which every system goes through. */
  runbook: string
  systems: readonly string[]
  /** The site that executes; the systems have to be active there. */
  site: string
  /** By policy: of systems of these grades, people approve also what the runbook asks nobody about. */
  approvedGrades?: readonly Grade[]
}

/** What the steps of a plan are made from, whatever it is for. */
export interface PlanRequest extends Ground {
  mode: PlanMode
  /** The site that is left; absent where nothing moves. */
  fromSite?: string
  toSite: string
  /** An approval stands before everything, whatever the runbooks say. */
  approved?: boolean
}
