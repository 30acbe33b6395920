import { HaetaeError } from '#model/errors.ts'
import { parseDuration } from '#model/time.ts'
import type { Principal } from '#people/roster.ts'
import type { PurposePolicy } from './policy.ts'
import { statementBytes, type Purpose, type Statement } from './statement.ts'

/** A gate of a run's plan. */
export interface SubjectGate {
  /** The gate's node in the plan. */
  node: string
  purpose: Exclude<Purpose, 'declare'>
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

/** What is signed over: a run with its plan. */
export interface Subject {
  run: string
  planDigest: string
  requester: string
  ended: boolean
  /** The site of the plan's scope (`scopeOf`). */
  site: string
  systems: readonly string[]
  gates: readonly SubjectGate[]
}

/** One statement on record. */
export interface RecordedStatement {
  id: string
  statement: Statement
  signature: string
  fingerprint: string
  /** Milliseconds since the epoch. */
  receivedAt: number
  expiresAt: number
  voided: string | null
}

/**
 * Whether a proven statement may count for a gate. Pure. Throws, each with why:
 * `run-ended`, `gate-unknown`, `plan-changed`, `statement-invalid` (another scope), `own-request`, `role-missing`,
 * `approved-already`, `statement-spent`. `earlier` are the statements on record for the run.
 */
export function admit(
  statement: Statement,
  signer: Principal,
  subject: Subject,
  policy: PurposePolicy,
  earlier: readonly RecordedStatement[],
  now: number,
): SubjectGate {
  if (subject.ended) {
    const why = 'its end is on record: no signature counts any more'
    throw new HaetaeError('run-ended', `run ${subject.run}`, { why })
  }
  const gate = subject.gates.find((one) => one.node === statement.gate && one.purpose === statement.purpose)
  if (gate === undefined) {
    throw new HaetaeError('gate-unknown', `gate ${String(statement.gate)} of run ${subject.run}`, {
      why: `gates for people: ${subject.gates.map((one) => `${one.node} (${one.purpose})`).join(', ') || 'none'}`,
    })
  }
  if (statement.planDigest !== subject.planDigest) throw planChanged(statement, subject)
  refuseOtherScope(statement, subject)
  if (signer.id === subject.requester) {
    const why = {
      en: `${signer.id} requested this run; the requester never counts`,
      ko: `${signer.id}이(가) 이 실행을 요청했습니다. 요청자의 서명은 세지 않습니다`,
    }
    throw new HaetaeError('own-request', `run ${subject.run}`, { why })
  }
  refuseRole(signer, statement.purpose, policy)
  // A change of mind is a new statement that takes the place of the old one; the same again is a mistake.
  const before = earlier.find(
    (one) =>
      one.statement.principal === signer.id &&
      one.statement.gate === gate.node &&
      one.statement.decision === statement.decision &&
      counts(one, subject, now),
  )
  if (before !== undefined) {
    const at = new Date(before.receivedAt).toISOString()
    const why = { en: `received at ${at}`, ko: `${at}에 접수되었습니다` }
    throw new HaetaeError('approved-already', `${signer.id} at gate ${gate.node} of run ${subject.run}`, {
      why,
    })
  }
  refuseSpent(statement, earlier)
  return gate
}

/**
 * Each statement counts from its receipt on, once. Whoever has the bytes could otherwise bring back a yes that its
 * signer took back, or one that expired; only the signer can sign anew.
 */
function refuseSpent(statement: Statement, earlier: readonly RecordedStatement[]): void {
  const bytes = statementBytes(statement)
  const before = earlier.find((one) => statementBytes(one.statement) === bytes)
  if (before === undefined) return
  const at = new Date(before.receivedAt).toISOString()
  throw new HaetaeError('statement-spent', `the statement of ${statement.principal}`, {
    why:
      before.voided === null
        ? { en: `it was received at ${at} and has expired`, ko: `${at}에 접수되어 만료되었습니다` }
        : {
            en: `it was received at ${at}; ${before.voided}`,
            ko: `${at}에 접수된 뒤 새 서명으로 바뀌었습니다`,
          },
  })
}

/** Whether somebody's roles allow a purpose. Throws `role-missing`. */
export function refuseRole(signer: Principal, purpose: Purpose, policy: PurposePolicy): void {
  if (signer.roles.some((role) => policy.roles.includes(role))) return
  throw new HaetaeError('role-missing', `${purpose} by ${signer.id}`, {
    why: {
      en: `it needs ${policy.roles.join(' or ')}; ${signer.id} is ${signer.roles.join(', ')}`,
      ko: `필요한 역할: ${policy.roles.join(', ')}. ${signer.id}의 역할: ${signer.roles.join(', ')}`,
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
  const signed = [...statement.scope.systems].sort().join(',')
  const planned = [...subject.systems].sort().join(',')
  if (statement.scope.site === subject.site && signed === planned) return
  throw new HaetaeError('statement-invalid', 'the statement', {
    where: 'scope',
    why: `signed was ${statement.scope.site} [${signed}], the run is about ${subject.site} [${planned}]`,
  })
}

/** A statement counts while it is not voided, not expired, and over the run's plan. */
export function counts(one: RecordedStatement, subject: Pick<Subject, 'planDigest'>, now: number): boolean {
  return one.voided === null && one.expiresAt > now && one.statement.planDigest === subject.planDigest
}

/** When a statement stops counting: from its receipt, as long as it says, and never longer than policy says. */
export function expiryOf(statement: Statement, policy: PurposePolicy, receivedAt: number): number {
  return receivedAt + Math.min(parseDuration(statement.validFor) ?? 0, policy.validForMs)
}

export interface GateStatus {
  gate: string
  purpose: SubjectGate['purpose']
  state: 'waiting' | 'passed' | 'refused'
  quorum: number
  given: { principal: string; receivedAt: number; expiresAt: number; reason: string }[]
  refused: { principal: string; reason: string }[]
}

/** Where a gate stands at a moment. Pure. One `no` that counts refuses it; the requester and doubles never count. */
export function statusOf(
  gate: SubjectGate,
  subject: Pick<Subject, 'planDigest' | 'requester'>,
  policy: PurposePolicy,
  recorded: readonly RecordedStatement[],
  now: number,
): GateStatus {
  const valid = recorded.filter(
    (one) =>
      one.statement.gate === gate.node &&
      one.statement.purpose === gate.purpose &&
      one.statement.principal !== subject.requester &&
      counts(one, subject, now),
  )
  const byPerson = new Map(valid.map((one) => [one.statement.principal, one]))
  const people = [...byPerson.values()]
  const given = people
    .filter((one) => one.statement.decision === 'yes')
    .map((one) => ({
      principal: one.statement.principal,
      receivedAt: one.receivedAt,
      expiresAt: one.expiresAt,
      reason: one.statement.reason,
    }))
  const refused = people
    .filter((one) => one.statement.decision === 'no')
    .map((one) => ({ principal: one.statement.principal, reason: one.statement.reason }))
  const quorum = Math.max(gate.quorum, policy.quorum)
  const state = refused.length > 0 ? 'refused' : given.length >= quorum ? 'passed' : 'waiting'
  return { gate: gate.node, purpose: gate.purpose, state, quorum, given, refused }
}
