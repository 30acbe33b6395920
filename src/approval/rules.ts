import { HaetaeError } from '#model/errors.ts'
import { instant, parseDuration } from '#model/time.ts'
import { purposeFacts } from '#people/purposes.ts'
import type { Principal } from '#people/roster.ts'
import type { Signer } from '#people/signatures.ts'
import { whyNot, whyNotTheKey, type Counting } from './counting.ts'
import type { Demand } from './policy.ts'
import { statementBytes, type Purpose, type Statement } from './statement.ts'
import { runGate, type RecordedStatement, type Subject, type SubjectGate } from './subject.ts'

/**
 * Whether a proven statement may count for a gate. Pure. Throws, each with why:
 * `run-ended`, `gate-unknown`, `plan-changed`, `statement-invalid` (another scope), `own-request`, `role-missing`,
 * `key-refused`, `approved-already`, `statement-spent`. `earlier` are the statements on record for the run.
 */
export function admit(
  statement: Statement,
  signer: Signer,
  subject: Subject,
  counting: Counting,
  earlier: readonly RecordedStatement[],
): SubjectGate {
  const { principal } = signer
  if (subject.ended && purposeFacts(statement.purpose).afterEnd !== true) {
    const why = 'its end is on record: no signature counts any more'
    throw new HaetaeError('run-ended', `run ${subject.run}`, { why })
  }
  const gate = gateOf(statement, subject)
  if (statement.planDigest !== subject.planDigest) throw planChanged(statement, subject)
  refuseOtherScope(statement, subject)
  if (principal.id === subject.requester || signer.key.fingerprint === counting.requesterKey) {
    const why = {
      en: `${principal.id} requested this run; the requester never counts`,
      ko: `${principal.id}이(가) 이 실행을 요청했습니다. 요청자의 서명은 세지 않습니다`,
    }
    throw new HaetaeError('own-request', `run ${subject.run}`, { why })
  }
  refuseSigner(signer, statement.purpose, counting.demand)
  // A change of mind is a new statement that takes the place of the old one; the same again is a mistake.
  const before = earlier.find(
    (one) =>
      one.statement.principal === principal.id &&
      one.statement.gate === gate.node &&
      one.statement.purpose === gate.purpose &&
      one.statement.decision === statement.decision &&
      whyNot(one, counting) === undefined,
  )
  if (before !== undefined) {
    const at = instant(before.receivedAt)
    const why = { en: `received at ${at}`, ko: `${at}에 접수되었습니다` }
    throw new HaetaeError('approved-already', `${principal.id} at gate ${gate.node} of run ${subject.run}`, {
      why,
    })
  }
  refuseSpent(statement, earlier, counting)
  return gate
}

/** The gate that a statement is for. Throws `gate-unknown`. */
function gateOf(statement: Statement, subject: Subject): SubjectGate {
  const { purpose } = statement
  const gates =
    purpose !== 'declare' && purposeFacts(purpose).place === 'run' ? [runGate(purpose)] : subject.gates
  const gate = gates.find((one) => one.node === statement.gate && one.purpose === purpose)
  if (gate !== undefined) return gate
  throw new HaetaeError('gate-unknown', `gate ${String(statement.gate)} of run ${subject.run}`, {
    why: `gates for people: ${gates.map((one) => `${one.node} (${one.purpose})`).join(', ') || 'none'}`,
  })
}

/**
 * Each statement counts from its receipt on, once. Whoever has the bytes could otherwise bring back a yes that its
 * signer took back, or one that expired; only the signer can sign anew.
 */
function refuseSpent(statement: Statement, earlier: readonly RecordedStatement[], counting: Counting): void {
  const bytes = statementBytes(statement)
  const before = earlier.find((one) => statementBytes(one.statement) === bytes)
  if (before === undefined) return
  const at = instant(before.receivedAt)
  const since = whyNot(before, counting)
  throw new HaetaeError('statement-spent', `the statement of ${statement.principal}`, {
    why: {
      en: `it was received at ${at}; ${since?.en ?? 'it counts'}`,
      ko: `${at}에 접수되었습니다. ${since?.ko ?? '효력이 있습니다'}`,
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
  const signed = [...statement.scope.systems].sort().join(',')
  const planned = [...subject.systems].sort().join(',')
  if (statement.scope.site === subject.site && signed === planned) return
  throw new HaetaeError('statement-invalid', 'the statement', {
    where: 'scope',
    why: `signed was ${statement.scope.site} [${signed}], the run is about ${subject.site} [${planned}]`,
  })
}

/** When a statement stops counting: from its receipt, as long as it says, and never longer than policy says. */
export function expiryOf(statement: Statement, demand: Demand, receivedAt: number): number {
  return receivedAt + Math.min(parseDuration(statement.validFor) ?? 0, demand.validForMs)
}
