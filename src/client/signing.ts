import {
  longestOf,
  namespaceOf,
  scopeOf,
  signedScope,
  statementBytes,
  type Statement,
} from '#approval/statement.ts'
import { digestOf } from '#model/digest.ts'
import { HaetaeError } from '#model/errors.ts'
import { parseDuration } from '#model/time.ts'
import type { Plan } from '#plan/plan.ts'
import type { Signing } from './context.ts'
import { signWith } from './session.ts'

/** A run's name with its plan: what is read before it is signed; `run show RUN --plan --json` writes one. */
export interface RunPlan {
  run: string
  plan: Plan
}

/** What the signer adds to the plan. */
export interface Decision {
  purpose: Statement['purpose']
  gate: string | null
  decision: 'yes' | 'no'
  reason: string
  sources: readonly string[]
  oneSourceOutsideHaetae: boolean
  /** A duration; absent: as long as a policy can allow. */
  validFor?: string | undefined
}

/**
 * Refuses a plan whose digest is not the digest of what it says: what is signed is the digest, what is read is
 * the plan. Steps are shown under the plan's list of systems, which the digest does not cover: a step of a system
 * that is not listed would be signed unseen. Throws `plan-altered`.
 */
export function refuseAltered(plan: Plan): void {
  const computed = digestOf(plan.subject)
  if (computed !== plan.digest) {
    throw new HaetaeError('plan-altered', plan.digest, { why: `what is shown has the digest ${computed}` })
  }
  const shown = new Set(plan.systems.map((one) => one.system))
  const unseen = scopeOf(plan.subject).systems.filter((system) => !shown.has(system))
  if (unseen.length === 0) return
  throw new HaetaeError('plan-altered', plan.digest, {
    why: {
      en: `it acts on ${unseen.join(', ')} without listing them among its systems`,
      ko: `목록에 없는 시스템을 바꿉니다: ${unseen.join(', ')}`,
    },
  })
}

/** The statement of a person over a run's plan. Throws `usage-wrong` when how long it counts is no duration: nobody signs what is refused later. */
export function statementOver(
  target: RunPlan,
  { principal, installation }: Omit<Signing, 'keyFile'>,
  decision: Decision,
  now: number,
): Statement {
  const { plan, run } = target
  const { validFor = longestOf(decision.purpose) } = decision
  if ((parseDuration(validFor) ?? 0) <= 0) throw noDuration(validFor)
  return {
    version: 2,
    installation,
    run,
    principal,
    planDigest: plan.digest,
    scope: signedScope(scopeOf(plan.subject)),
    at: new Date(now).toISOString(),
    ...decision,
    validFor,
  }
}

function noDuration(given: string): HaetaeError {
  return new HaetaeError('usage-wrong', `--valid-for ${given}`, {
    why: { en: 'it is no duration', ko: '기간이 아닙니다' },
    remedy: { en: 'Give a number and a unit, such as 30m or 2h.', ko: '30m, 2h처럼 숫자와 단위를 주십시오.' },
  })
}

/** The signed request of a run: what opens it. Throws `key-unusable`. */
export async function signDeclaration(
  target: RunPlan,
  signing: Signing,
  reason: string,
  now: number,
): Promise<{ statement: string; signature: string }> {
  const decision: Decision = {
    ...{ purpose: 'declare', gate: null, decision: 'yes', reason },
    ...{ sources: [], oneSourceOutsideHaetae: false, validFor: '24h' },
  }
  return signStatement(statementOver(target, signing, decision, now), signing.keyFile)
}

/** Signs a statement with the person's key. Throws `key-unusable`. */
export async function signStatement(
  statement: Statement,
  keyFile: string,
): Promise<{ statement: string; signature: string }> {
  const bytes = statementBytes(statement)
  const namespace = namespaceOf(statement.purpose)
  return { statement: bytes, signature: await signWith(keyFile, statement.principal, namespace, bytes) }
}

/** The gate of a plan that a person names, with what has to be signed there. Throws `gate-unknown`. */
export function gateOf(
  plan: Plan,
  gate: string,
): { node: string; purpose: 'approve' | 'attest'; quorum: number } {
  const gates = plan.subject.nodes.filter((node) => node.gate !== null)
  const node = gates.find((one) => one.id === gate)
  if (node === undefined || node.gate === null) {
    throw new HaetaeError('gate-unknown', gate, {
      why: `the plan has ${gates.map((one) => one.id).join(', ') || 'none'}`,
    })
  }
  return {
    node: node.id,
    purpose: node.gate.purpose === 'attestation' ? 'attest' : 'approve',
    quorum: node.gate.quorum,
  }
}
