import { canonicalJson } from '#model/digest.ts'
import type { Instant } from '#model/time.ts'
import { purposeFacts, type GatePurpose, type Purpose } from '#people/purposes.ts'

/*
 * What people sign. The bytes are the canonical JSON of the statement, so that a signature can be checked
 * anywhere with `ssh-keygen -Y verify`. No zod here: the CLI makes statements, and starts quickly.
 */

export type { GatePurpose, Purpose }

export interface Statement {
  version: 1
  purpose: Purpose
  run: string
  planDigest: string
  /** Who signs; the key has to be theirs. */
  principal: string
  /**
   * The gate's node in the plan; the purpose itself where the run as a whole is the gate; null for a declaration, which
   * comes before the run.
   */
  gate: string | null
  /** A `no` is on record and stops the gate. */
  decision: 'yes' | 'no'
  /** The site that is left or attested lost (in an operation: where it is done), and the systems of the plan. */
  scope: { site: string; systems: readonly string[] }
  reason: string
  /** For an attestation: how the signer knows, two sources that do not rest on each other. Empty otherwise. */
  sources: readonly string[]
  /** For an attestation: the signer says that one of the sources lies outside Haetae's network. */
  oneSourceOutsideHaetae: boolean
  /** The signer's clock: it is shown, and decides nothing. */
  at: Instant
  /** How long it shall count, from its receipt on; policy may say less. A duration such as `24h`. */
  validFor: string
}

/** The bytes that are signed. */
export function statementBytes(statement: Statement): string {
  return canonicalJson(statement)
}

/** SSH signature namespace of a purpose. */
export function namespaceOf<P extends Purpose>(purpose: P): `haetae-${P}` {
  return `haetae-${purpose}`
}

/** What a plan is about: the site that is left (in an operation: where it is done), and every system that has a step. `subject` is that of plan/plan.ts. */
export function scopeOf(subject: {
  readonly fromSite?: string
  readonly toSite: string
  readonly nodes: readonly { readonly system: string | null }[]
}): Statement['scope'] {
  const systems = new Set(subject.nodes.flatMap(({ system }) => (system === null ? [] : [system])))
  return { site: subject.fromSite ?? subject.toSite, systems: [...systems].sort() }
}

/** True of a purpose whose gate is the run as a whole. */
export function purposeIsOfRun(purpose: Purpose): purpose is GatePurpose {
  return purposeFacts(purpose).place === 'run'
}

/** The longest that a statement of a purpose can count. */
export function longestOf(purpose: Purpose): string {
  return purposeFacts(purpose).longest
}
