import type { Localized } from '#model/localized.ts'
import type { GatePurpose } from '#people/purposes.ts'
import type { HardwareUse } from '#platform/ssh.ts'
import type { Statement } from './statement.ts'

/** A gate of a run: a node of its plan, or the run as a whole. */
export interface SubjectGate {
  /** The gate's node in the plan; the purpose itself where the run as a whole is the gate. */
  node: string
  purpose: GatePurpose
  /** What the plan asks for; policy may ask for more. */
  quorum: number
}

/** A gate as a plan says it (plan/plan.ts; approval stands below plan). */
export interface PlanGate {
  purpose: 'failover' | 'operation' | 'attestation'
  quorum: number
}

/** A plan's gate as what people sign for. */
export function subjectGate(node: string, gate: PlanGate): SubjectGate {
  return { node, purpose: gate.purpose === 'attestation' ? 'attest' : 'approve', quorum: gate.quorum }
}

/** The gate of a purpose that belongs to the run as a whole. */
export function runGate(purpose: GatePurpose): SubjectGate {
  return { node: purpose, purpose, quorum: 0 }
}

/** What is signed over: a run with its plan. */
export interface Subject {
  run: string
  planDigest: string
  requester: string
  ended: boolean
  /** The site of the plan's scope (`scopeOf`). */
  site: string
  systems: readonly string[]
  /** Gates of the plan. */
  gates: readonly SubjectGate[]
  /** The run over whose plan people signed this one too: the fleet that it is a part of. */
  coveredBy?: string
}

/** One statement on record. */
export interface RecordedStatement {
  id: string
  statement: Statement
  /** The bytes that were signed. */
  bytes: string
  signature: string
  fingerprint: string
  /** How its key was used, when that is on a token; null otherwise. */
  hardware: HardwareUse | null
  /** What was demanded at its receipt; null of one that was received before policies had rules. */
  demanded: Demanded | null
  /** Milliseconds since the epoch. */
  receivedAt: number
  expiresAt: number
  voided: Localized | null
}

/** Which rules of which policy were in force when something was decided. */
interface Demanded {
  rules: readonly string[]
  policy: string
}
