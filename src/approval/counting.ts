import type { Localized } from '#model/localized.ts'
import { instant } from '#model/time.ts'
import { isValidAt, type Roster } from '#people/roster.ts'
import type { Demand } from './policy.ts'
import type { RecordedStatement, Subject, SubjectGate } from './subject.ts'

/** Against what the statements of a gate are counted. */
export interface Counting {
  about: Pick<Subject, 'planDigest' | 'requester'>
  demand: Demand
  /** The register as it is now: who left it, or lost the role, counts no more. */
  roster: Roster
  /** The key that declared the run: it never counts, whoever it belongs to now. */
  requesterKey: string | undefined
  now: number
}

/** The fingerprint of the key that declared a run. */
export function declarationKey(recorded: readonly RecordedStatement[]): string | undefined {
  return recorded.find((one) => one.statement.purpose === 'declare')?.fingerprint
}

/** Why a statement does not count now; undefined while it does. Pure. */
export function whyNot(one: RecordedStatement, counting: Counting): Localized | undefined {
  const { about, now, requesterKey } = counting
  const { principal, planDigest } = one.statement
  if (one.voided !== null) return same(one.voided)
  if (planDigest !== about.planDigest)
    return { en: 'the plan is another one since', ko: '그 뒤 실행 계획이 바뀌었습니다' }
  if (one.expiresAt <= now) {
    const at = instant(one.expiresAt)
    return { en: `it expired at ${at}`, ko: `${at}에 만료되었습니다` }
  }
  if (principal === about.requester || one.fingerprint === requesterKey) {
    return {
      en: `${principal} requested this run; the requester never counts`,
      ko: `${principal}이(가) 이 실행을 요청했습니다. 요청자의 서명은 세지 않습니다`,
    }
  }
  return whyNotThePerson(one, counting)
}

/** What the register and the policy say now of somebody who signed then. */
function whyNotThePerson(
  { statement, fingerprint, hardware }: RecordedStatement,
  { roster, demand, now }: Counting,
): Localized | undefined {
  const id = statement.principal
  const person = roster.find(id)
  if (person === undefined)
    return { en: `${id} is not in the roster any more`, ko: `${id}은(는) 더는 명부에 없습니다` }
  const key = person.keys.find((each) => each.fingerprint === fingerprint)
  if (key === undefined || !isValidAt(key, now)) {
    return {
      en: `the key that signed is not ${id}'s any more, by the roster`,
      ko: `명부에 따르면 서명한 키는 더는 ${id}의 것이 아닙니다`,
    }
  }
  if (!person.roles.some((role) => demand.roles.includes(role))) {
    return {
      en: `it needs ${demand.roles.join(' or ')}; ${id} is ${person.roles.join(', ')} now`,
      ko: `필요한 역할: ${demand.roles.join(', ')}. ${id}의 지금 역할: ${person.roles.join(', ')}`,
    }
  }
  return whyNotTheKey(demand, hardware)
}

/** Whether a policy's demand on keys is met; undefined when it is. */
export function whyNotTheKey(
  { keys }: Pick<Demand, 'keys'>,
  hardware: RecordedStatement['hardware'],
): Localized | undefined {
  if (keys === 'any') return undefined
  if (hardware === null) {
    return {
      en: 'the policy demands a key on a hardware token',
      ko: '정책은 하드웨어 토큰의 키를 요구합니다',
    }
  }
  if (keys === 'hardware' || hardware.userVerified) return undefined
  return {
    en: 'the policy demands that the token asked for a PIN or a finger, and it did not',
    ko: '정책은 토큰의 PIN 또는 지문 확인을 요구하는데 확인되지 않았습니다',
  }
}

/** What is on record in one language only. */
function same(text: string): Localized {
  return { en: text, ko: text }
}

export interface GateStatus {
  gate: string
  purpose: SubjectGate['purpose']
  state: 'waiting' | 'passed' | 'refused'
  quorum: number
  given: { principal: string; receivedAt: number; expiresAt: number; reason: string }[]
  refused: { principal: string; reason: string }[]
  /** Signed, and not counted, with why. */
  ignored: { principal: string; why: Localized }[]
  demand: Demand
}

/** Where a gate stands at a moment. Pure. One `no` that counts refuses it; nobody counts twice. */
export function statusOf(
  gate: SubjectGate,
  recorded: readonly RecordedStatement[],
  counting: Counting,
): GateStatus {
  const signed = recorded.filter(
    ({ statement }) => statement.gate === gate.node && statement.purpose === gate.purpose,
  )
  const judged = signed.map((one) => ({ one, why: whyNot(one, counting) }))
  const people = new Map(
    judged.flatMap(({ one, why }) => (why === undefined ? [[one.statement.principal, one] as const] : [])),
  )
  const counted = [...people.values()]
  const given = counted
    .filter(({ statement }) => statement.decision === 'yes')
    .map(({ statement, receivedAt, expiresAt }) => {
      const { principal, reason } = statement
      return { principal, receivedAt, expiresAt, reason }
    })
  const refused = counted
    .filter(({ statement }) => statement.decision === 'no')
    .map(({ statement }) => ({ principal: statement.principal, reason: statement.reason }))
  const ignored = judged.flatMap(({ one, why }) =>
    why === undefined || people.has(one.statement.principal)
      ? []
      : [{ principal: one.statement.principal, why }],
  )
  const { demand } = counting
  const quorum = Math.max(gate.quorum, demand.people)
  const state = refused.length > 0 ? 'refused' : given.length >= quorum ? 'passed' : 'waiting'
  return { gate: gate.node, purpose: gate.purpose, state, quorum, given, refused, ignored, demand }
}
