import { canonicalJson, digestOf } from '#model/digest.ts'
import type { Instant } from '#model/time.ts'
import { purposeFacts, type GatePurpose, type Purpose } from '#people/purposes.ts'

/*
 * What people sign. The bytes are the canonical JSON of the statement, so that a signature can be checked
 * anywhere with `ssh-keygen -Y verify`. No zod here: the CLI makes statements, and starts quickly.
 */

export type { GatePurpose, Purpose }

/**
 * The site that is left or attested lost (in an operation: where it is done), and the systems of the plan: by name, or
 * where they are many, how many and the digest of their sorted names. The digest of the plan binds them in both cases.
 */
export interface Scope {
  site: string
  systems: readonly string[] | { count: number; digest: string }
}

export interface Statement {
  version: 2
  /** The installation whose daemons take it: what was signed in a rehearsal is nothing elsewhere. */
  installation: string
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
  scope: Scope
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
}): { site: string; systems: string[] } {
  const systems = new Set(subject.nodes.flatMap(({ system }) => (system === null ? [] : [system])))
  return { site: subject.fromSite ?? subject.toSite, systems: [...systems].sort() }
}

/** Systems that a statement names; more are counted, so that it stays small enough to be read and sent. */
export const namedAtMost = 100

/** The scope as it is signed: there is one form for the same site and systems. */
export function signedScope({ site, systems }: { site: string; systems: readonly string[] }): Scope {
  const names = [...new Set(systems)].sort()
  if (names.length <= namedAtMost) return { site, systems: names }
  return { site, systems: { count: names.length, digest: digestOf(names) } }
}

/** What a signed scope says, in a line. */
export function scopeText({ site, systems }: Scope): string {
  const shown = 'count' in systems ? `${systems.count} systems, ${systems.digest}` : systems.join(', ')
  return `${site} [${shown}]`
}

/** True of a purpose whose gate is the run as a whole. */
export function purposeIsOfRun(purpose: Purpose): purpose is GatePurpose {
  return purposeFacts(purpose).place === 'run'
}

/** The longest that a statement of a purpose can count. */
export function longestOf(purpose: Purpose): string {
  return purposeFacts(purpose).longest
}
