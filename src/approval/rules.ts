import { digestOf } from '#model/digest.ts'
import { HaetaeError } from '#model/errors.ts'
import type { Localized } from '#model/localized.ts'
import { instant, parseDuration } from '#model/time.ts'
import { purposeFacts } from '#people/purposes.ts'
import type { Principal } from '#people/roster.ts'
import type { Signer } from '#people/signatures.ts'
import { glassBroken, isRequesters, statusOf, whyNot, whyNotTheKey, type Counting } from './counting.ts'
import type { Demand } from './policy.ts'
import {
  purposeIsOfRun,
  statementBytes,
  type Purpose,
  type Statement,
  scopeText,
  signedScope,
} from './statement.ts'
import { runGate, type RecordedStatement, type Subject, type SubjectGate } from './subject.ts'

/**
 * Whether a proven statement may count for a gate. Pure. Throws, each with why:
 * `run-ended`, `gate-unknown`, `plan-changed`, `statement-invalid` (another scope), `own-request`, `role-missing`,
 * `key-refused`, `approved-already`, `statement-spent`, `break-glass-refused`, `nothing-to-review`.
 */
export function admit(
  statement: Statement,
  signer: Signer,
  subject: Subject,
  counting: Counting,
): SubjectGate {
  const { principal, key } = signer
  if (subject.ended && purposeFacts(statement.purpose).afterEnd !== true) {
    const why = 'its end is on record: no signature counts any more'
    throw new HaetaeError('run-ended', `run ${subject.run}`, { why })
  }
  const gate = gateOf(statement, subject)
  if (statement.planDigest !== subject.planDigest) throw planChanged(statement, subject)
  refuseOtherScope(statement, subject)
  if (isRequesters({ principal: principal.id, fingerprint: key.fingerprint }, counting)) {
    const why = {
      en: `${principal.id} requested this run; the requester never counts`,
      ko: `${principal.id}이(가) 이 실행을 요청했습니다. 요청자의 서명은 세지 않습니다`,
    }
    throw new HaetaeError('own-request', `run ${subject.run}`, { why })
  }
  refuseSigner(signer, statement.purpose, counting.demand(statement.purpose))
  refuseTwice(statement, counting)
  refuseSpent(statement, counting)
  if (statement.purpose === 'break-glass') refuseNeedless(gate, subject, counting)
  if (statement.purpose === 'review') refuseReview(signer, subject, counting)
  return gate
}

/** The gate that a statement is for. Throws `gate-unknown`. */
function gateOf(statement: Statement, subject: Subject): SubjectGate {
  const { purpose } = statement
  const gates = purposeIsOfRun(purpose) ? [runGate(purpose)] : subject.gates
  // Breaking the glass bypasses approvals, never the fence.
  const needed = purpose === 'break-glass' ? 'approve' : purpose
  const gate = gates.find((one) => one.node === statement.gate && one.purpose === needed)
  if (gate !== undefined) return gate
  throw new HaetaeError('gate-unknown', `gate ${String(statement.gate)} of run ${subject.run}`, {
    why: `gates for ${purpose}: ${
      gates
        .filter((one) => one.purpose === needed)
        .map((one) => one.node)
        .join(', ') || 'none'
    }`,
  })
}

/** A change of mind is a new statement that takes the place of the old one; the same again is a mistake. */
function refuseTwice({ principal, gate, purpose, decision, run }: Statement, counting: Counting): void {
  const before = counting.recorded.find(
    (one) =>
      one.statement.principal === principal &&
      one.statement.gate === gate &&
      one.statement.purpose === purpose &&
      one.statement.decision === decision &&
      whyNot(one, counting) === undefined,
  )
  if (before === undefined) return
  const at = instant(before.receivedAt)
  const why = { en: `received at ${at}`, ko: `${at}에 접수되었습니다` }
  throw new HaetaeError('approved-already', `${principal} at gate ${String(gate)} of run ${run}`, { why })
}

/** Breaking a glass for nothing would leave a finding for nothing; and it is no way around somebody's no. */
function refuseNeedless(gate: SubjectGate, { run }: Subject, counting: Counting): void {
  const { state, refused } = statusOf(gate, counting)
  if (state === 'waiting') return
  const names = refused.map(({ principal }) => principal).join(', ')
  const why =
    state === 'passed'
      ? { en: 'the gate is open already', ko: '이미 승인이 끝났습니다' }
      : { en: `${names} said no at this gate`, ko: `이 승인을 거부한 사람: ${names}` }
  throw new HaetaeError('break-glass-refused', `gate ${gate.node} of run ${run}`, { why })
}

function refuseReview({ principal, key }: Signer, { run }: Subject, { recorded }: Counting): void {
  const broken = glassBroken(recorded)
  if (broken.length === 0) throw new HaetaeError('nothing-to-review', `run ${run}`)
  const own = broken.some(
    (one) => one.statement.principal === principal.id || one.fingerprint === key.fingerprint,
  )
  if (!own) return
  const why = {
    en: `${principal.id} broke the glass; two others review it`,
    ko: `${principal.id}이(가) 긴급 승인했습니다. 다른 두 사람이 사후 검토합니다`,
  }
  throw new HaetaeError('own-request', `run ${run}`, { why })
}

/**
 * Each statement counts from its receipt on, once. Whoever has the bytes could otherwise bring back a yes that its
 * signer took back, or one that expired; only the signer can sign anew.
 */
function refuseSpent(statement: Statement, counting: Counting): void {
  const bytes = statementBytes(statement)
  const before = counting.recorded.find((one) => statementBytes(one.statement) === bytes)
  if (before !== undefined) throw spent(before, whyNot(before, counting))
}

/** `why`: why it counts no more; undefined while it does. */
export function spent({ statement, receivedAt }: RecordedStatement, why: Localized | undefined): HaetaeError {
  const at = instant(receivedAt)
  return new HaetaeError('statement-spent', `the statement of ${statement.principal}`, {
    why: {
      en: `it was received at ${at}; ${why?.en ?? 'it counts'}`,
      ko: `${at}에 접수되었습니다. ${why?.ko ?? '효력이 있습니다'}`,
    },
  })
}

/** Whether somebody's roles and key allow a purpose. Throws `role-missing`, `key-refused`. */
export function refuseSigner({ principal, hardware }: Signer, purpose: Purpose, demand: Demand): void {
  refuseRole(principal, purpose, demand)
  const why = whyNotTheKey(demand, hardware)
  if (why === undefined) return
  throw new HaetaeError('key-refused', `${purpose} by ${principal.id}`, {
    where: `policy, rules ${demand.rules.join(', ')}`,
    why,
  })
}

function refuseRole(signer: Principal, purpose: Purpose, demand: Demand): void {
  if (signer.roles.some((role) => demand.roles.includes(role))) return
  throw new HaetaeError('role-missing', `${purpose} by ${signer.id}`, {
    where: `policy, rules ${demand.rules.join(', ')}`,
    why: {
      en: `it needs ${demand.roles.join(' or ')}; ${signer.id} is ${signer.roles.join(', ')}`,
      ko: `필요한 역할: ${demand.roles.join(', ')}. ${signer.id}의 역할: ${signer.roles.join(', ')}`,
    },
  })
}

export function planChanged(statement: Statement, subject: Pick<Subject, 'run' | 'planDigest'>): HaetaeError {
  return new HaetaeError('plan-changed', `run ${subject.run}`, {
    why: {
      en: `signed was ${statement.planDigest}, the plan is ${subject.planDigest}`,
      ko: `서명한 것은 ${statement.planDigest}, 지금 계획은 ${subject.planDigest}`,
    },
    facts: { signed: statement.planDigest, planDigest: subject.planDigest },
  })
}

function refuseOtherScope(statement: Statement, subject: Subject): void {
  const planned = signedScope(subject)
  if (digestOf(statement.scope) === digestOf(planned)) return
  throw new HaetaeError('statement-invalid', 'the statement', {
    where: 'scope',
    why: `signed was ${scopeText(statement.scope)}, the run is about ${scopeText(planned)}`,
  })
}

/** When a statement stops counting: from its receipt, as long as it says, and never longer than policy says. */
export function expiryOf(statement: Statement, demand: Demand, receivedAt: number): number {
  return receivedAt + Math.min(parseDuration(statement.validFor) ?? 0, demand.validForMs)
}
