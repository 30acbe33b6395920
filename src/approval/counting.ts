import type { Localized } from '#model/localized.ts'
import { instant } from '#model/time.ts'
import { isValidAt, type Roster } from '#people/roster.ts'
import type { Demand } from './policy.ts'
import type { Purpose } from './statement.ts'
import type { RecordedStatement, Subject, SubjectGate } from './subject.ts'

/** Against what the statements of a gate are counted. */
export interface Counting {
  about: Pick<Subject, 'planDigest' | 'requester'>
  /** What the policy in force demands for each purpose. */
  demand: (purpose: Purpose) => Demand
  /** The register as it is now: who left it, or lost the role, counts no more. */
  roster: Roster
  /** Everything on record of the run. */
  recorded: readonly RecordedStatement[]
  now: number
}

/** True of the requester, and of the key that declared the run, whoever it belongs to now. */
export function isRequesters(
  { principal, fingerprint }: { principal: string; fingerprint: string },
  { about, recorded }: Counting,
): boolean {
  const declared = recorded.find(({ statement }) => statement.purpose === 'declare')
  return principal === about.requester || fingerprint === declared?.fingerprint
}

/** Who broke the glass of a run, by which statements; whatever became of them since. */
export function glassBroken(recorded: readonly RecordedStatement[]): RecordedStatement[] {
  return recorded.filter(({ statement }) => statement.purpose === 'break-glass')
}

/** Why a statement does not count now; undefined while it does. Pure. */
export function whyNot(one: RecordedStatement, counting: Counting): Localized | undefined {
  const { about, now } = counting
  const { principal, planDigest } = one.statement
  if (one.voided !== null) return one.voided
  if (planDigest !== about.planDigest)
    return { en: 'the plan is another one since', ko: '그 뒤 실행 계획이 바뀌었습니다' }
  if (one.expiresAt <= now) return expired(one)
  if (isRequesters({ principal, fingerprint: one.fingerprint }, counting)) {
    return {
      en: `${principal} requested this run; the requester never counts`,
      ko: `${principal}이(가) 이 실행을 요청했습니다. 요청자의 서명은 세지 않습니다`,
    }
  }
  return whyNoReview(one, counting) ?? whyNotThePerson(one, counting)
}

export function expired({ expiresAt }: Pick<RecordedStatement, 'expiresAt'>): Localized {
  const at = instant(expiresAt)
  return { en: `it expired at ${at}`, ko: `${at}에 만료되었습니다` }
}

/** A review is by others than those who broke the glass, and of everything that was broken. */
function whyNoReview(one: RecordedStatement, { recorded }: Counting): Localized | undefined {
  if (one.statement.purpose !== 'review') return undefined
  const broken = glassBroken(recorded)
  const { principal } = one.statement
  if (
    broken.some((other) => other.statement.principal === principal || other.fingerprint === one.fingerprint)
  )
    return { en: `${principal} broke the glass`, ko: `${principal}이(가) 긴급 승인한 사람입니다` }
  if (broken.some((other) => Number(other.id) > Number(one.id)))
    return { en: 'the glass was broken again since', ko: '그 뒤 다시 긴급 승인이 있었습니다' }
  return undefined
}

/** What the register and the policy say now of somebody who signed then. */
function whyNotThePerson(
  { statement, fingerprint, hardware }: RecordedStatement,
  { roster, demand: demandFor, now }: Counting,
): Localized | undefined {
  const id = statement.principal
  const demand = demandFor(statement.purpose)
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

interface Given {
  principal: string
  receivedAt: number
  expiresAt: number
  reason: string
}

export interface GateStatus {
  gate: string
  purpose: SubjectGate['purpose']
  state: 'waiting' | 'passed' | 'refused'
  quorum: number
  given: Given[]
  refused: { principal: string; reason: string }[]
  /** Who broke the glass of this gate, as far as it counts. */
  brokenBy: Given[]
  /** Signed, and not counted, with why. */
  ignored: { principal: string; why: Localized }[]
  demand: Demand
}

/**
 * Where a gate stands at a moment. Pure. One `no` that counts refuses it; nobody counts twice; a glass that enough
 * people broke opens a gate of approvals.
 */
export function statusOf(gate: SubjectGate, counting: Counting): GateStatus {
  const { counted, ignored } = judge(gate.node, gate.purpose, counting)
  const given = counted.filter(({ statement }) => statement.decision === 'yes').map(givenOf)
  const refused = counted
    .filter(({ statement }) => statement.decision === 'no')
    .map(({ statement }) => ({ principal: statement.principal, reason: statement.reason }))
  const glass = judge(gate.node, 'break-glass', counting)
  const brokenBy = gate.purpose === 'approve' ? glass.counted.map(givenOf) : []
  const demand = counting.demand(gate.purpose)
  const quorum = Math.max(gate.quorum, demand.people)
  const open = given.length >= quorum || brokenBy.length >= counting.demand('break-glass').people
  const state = refused.length > 0 ? 'refused' : open ? 'passed' : 'waiting'
  const all = [...ignored, ...glass.ignored]
  const { node, purpose } = gate
  return { gate: node, purpose, state, quorum, given, refused, brokenBy, ignored: all, demand }
}

/** Statements of a purpose at a gate: the last one of each person that counts, and those that count for nothing. */
function judge(node: string, purpose: Purpose, counting: Counting) {
  const judged = counting.recorded
    .filter(({ statement }) => statement.gate === node && statement.purpose === purpose)
    .map((one) => ({ one, principal: one.statement.principal, why: whyNot(one, counting) }))
  const people = new Map(
    judged.flatMap(({ one, principal, why }) => (why === undefined ? [[principal, one] as const] : [])),
  )
  const ignored = judged.flatMap(({ principal, why }) =>
    why === undefined || people.has(principal) ? [] : [{ principal, why }],
  )
  return { counted: [...people.values()], ignored }
}

function givenOf({ statement, receivedAt, expiresAt }: RecordedStatement): Given {
  return { principal: statement.principal, receivedAt, expiresAt, reason: statement.reason }
}
