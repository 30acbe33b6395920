import { proveFence } from '#authority/fence.ts'
import type { AuthorityStore } from '#authority/store.ts'
import type { SourceSilence } from '#authority/types.ts'
import type { Assumptions, BrokenAssumption } from '#engine/ports.ts'
import type { Json } from '#model/digest.ts'
import { isHaetaeError } from '#model/errors.ts'
import type { Assumption, Plan, PlanNode } from '#plan/plan.ts'
import { lossFrom, type LossParts } from './loss.ts'
import type { WhyReplanned } from './replan.ts'

/** What the checks stand on. */
export interface AssumptionParts extends LossParts {
  authority: AuthorityStore
  replanned: WhyReplanned
  silence: SourceSilence
}

type Check = Parameters<Assumptions['broken']>[0]

/**
 * The plan's assumptions, proven now: all at the start, those of the node's own system (its fence among them) right
 * before a point of no return. What nobody could look at throws, and the engine looks again.
 */
export function assumptionChecks(parts: AssumptionParts): Assumptions {
  return {
    async broken(check) {
      const { plan, node } = check
      const about = plan.subject.assumptions.filter(
        (assumption) => node === null || ofSite(assumption) || assumption.subject === node.system,
      )
      const found: BrokenAssumption[] = check.moment === 'start' ? await otherActions(parts, plan) : []
      for (const assumption of about) {
        const why = await whyBroken(parts, check, assumption)
        if (why !== undefined) found.push({ assumption, ...why })
      }
      return found
    },
  }
}

/** What would be done now is not what was approved. Of a run that has begun, what was approved is what runs. */
async function otherActions({ replanned }: AssumptionParts, plan: Plan): Promise<BrokenAssumption[]> {
  const why = await replanned(plan)
  const statement = {
    ko: '지금 계획해도 같은 단계와 입력이 나옴',
    en: 'planned now, it would be the same steps with the same inputs',
  }
  return why === undefined
    ? []
    : [
        {
          assumption: { kind: 'actions', subject: plan.subject.toSite, statement, bound: {} },
          why: why.en,
          whyKo: why.ko,
        },
      ]
}

function ofSite(assumption: Assumption): boolean {
  return assumption.kind === 'source-silent' || assumption.kind === 'fence'
}

interface Why {
  why: string
  whyKo: string
  facts?: { [key: string]: Json }
}

async function whyBroken(
  parts: AssumptionParts,
  check: Check,
  assumption: Assumption,
): Promise<Why | undefined> {
  switch (assumption.kind) {
    case 'actions':
      return undefined
    case 'source-silent':
      return sourceAnswers(parts, assumption.subject, check.signal)
    case 'fence':
      return noFence(parts, check, assumption)
    case 'active-site':
      return movedSince(parts, check, assumption)
    case 'recovery-point':
      return noStandby(parts, check, assumption)
    case 'loss-bound':
      return losesMore(parts, check, assumption)
  }
}

async function sourceAnswers(
  { silence }: AssumptionParts,
  site: string,
  signal: AbortSignal,
): Promise<Why | undefined> {
  const seen = await silence.look(site, signal)
  if (seen.silent) return undefined
  const answered = seen.vantages.filter((vantage) => vantage.answered)
  if (answered.length === 0) throw new Error(`no vantage point could look at ${site}`)
  const facts = { site, at: seen.at, vantages: answered.map(({ vantage, why }) => ({ vantage, why })) }
  return {
    why: answered.map(({ vantage, why }) => `${vantage} answers: ${why}`).join('; '),
    whyKo: answered.map(({ vantage, why }) => `${vantage}에서 응답: ${why}`).join('; '),
    facts,
  }
}

/** There is a fence to prove only where something is about to become primary, and it must be of the kind that was agreed to. */
async function noFence(
  parts: AssumptionParts,
  { runId, node, signal }: Check,
  { bound }: Assumption,
): Promise<Why | undefined> {
  const system = node?.system ?? null
  if (system === null) return undefined
  const epoch = await parts.authority.epochOf(runId, system)
  if (epoch === undefined)
    return {
      why: `the run holds no authority over ${system}`,
      whyKo: `이 실행에 ${system}의 운영권이 없습니다`,
      facts: { system },
    }
  try {
    const { kind } = await proveFence({ ...parts, signal }, { runId, system, epoch })
    if (kind !== 'attested' || bound['kind'] === 'attested') return undefined
    return {
      why: `the fence of ${system} is ${kind}, the plan takes one that is ${String(bound['kind'])} for granted`,
      whyKo: `${system}의 차단은 ${kind}이고, 계획은 ${String(bound['kind'])}을(를) 전제합니다`,
      facts: { system, kind },
    }
  } catch (error) {
    if (!isHaetaeError(error)) throw error
    const why = error.why ?? error.message
    return { why, whyKo: error.whyKo ?? why, facts: { code: error.code, system, epoch } }
  }
}

/** The system is where the plan says; or this very run has taken it since, and from there. */
async function movedSince(
  { authority }: AssumptionParts,
  { runId }: Check,
  { subject, bound }: Assumption,
): Promise<Why | undefined> {
  const now = await authority.current(subject)
  const taken = now?.runId === runId
  const there = taken ? await authority.before(subject, now.epoch) : now
  if (there === undefined) return undefined
  if (there.site === bound['site'] && (bound['epoch'] === null || there.epoch === bound['epoch']))
    return undefined
  return {
    why: taken
      ? `${subject} had come to ${there.site} by epoch ${there.epoch} when this run took it`
      : `${subject} is at ${there.site} by epoch ${there.epoch} now`,
    whyKo: taken
      ? `이 실행이 넘겨받을 때 ${subject}은(는) 세대 ${there.epoch}에 ${there.site}에 있었습니다`
      : `${subject}은(는) 지금 세대 ${there.epoch}에 ${there.site}에 있습니다`,
    facts: { system: subject, site: there.site, epoch: there.epoch },
  }
}

/** What is to be promoted is a standby still, or was promoted by this very run, which died before it could say so. */
async function noStandby(
  parts: AssumptionParts,
  { node, runId, signal }: Check,
  { subject, bound }: Assumption,
): Promise<Why | undefined> {
  if (!isPromotion(node) || node.system !== subject) return undefined
  const sight = await parts.standby(subject, signal)
  const facts = { system: subject, host: String(bound['host']), port: Number(bound['port']) }
  if (sight === undefined)
    return {
      why: `${subject} has no database here`,
      whyKo: `여기에는 ${subject}의 데이터베이스가 없습니다`,
      facts,
    }
  if (sight.standby || (await parts.authority.promotionClaim(runId, subject)) !== undefined) return undefined
  return {
    why: `the database of ${subject} is a primary already, and not by this run`,
    whyKo: `${subject}의 데이터베이스는 이미 주 데이터베이스이고, 이 실행이 한 일이 아닙니다`,
    facts,
  }
}

/**
 * Only before a promotion: later there is nothing left to lose, earlier the standby may still catch up. What it received
 * and has not replayed is waited for as long as the signal allows. What cannot be told throws: a bound that nobody can
 * check does not hold.
 */
async function losesMore(
  parts: AssumptionParts,
  { node, plan, signal }: Check,
  { subject, bound }: Assumption,
): Promise<Why | undefined> {
  const limit = bound['seconds']
  const { fromSite } = plan.subject
  if (!isPromotion(node) || node.system !== subject) return undefined
  if (typeof limit !== 'number' || fromSite === undefined) return undefined
  const kept = plan.observed.forecast?.loss[subject]?.sourceHeartbeatAt ?? null
  for (;;) {
    const sight = await parts.standby(subject, signal)
    // What a database that is no standby means is for the recovery point to say.
    if (sight?.standby === false) return undefined
    const seen = newest(kept, parts.sourceHeartbeat(subject, fromSite))
    const { seconds, atMost, why } = lossFrom(seen, sight)
    if (seconds === null) throw new Error(`the loss of ${subject} cannot be told: ${why.en}`)
    if (seconds <= limit) return undefined
    if (!atMost)
      return {
        why: `about ${seconds.toFixed(1)} s of acknowledged work would be lost, the plan allows ${limit} s`,
        whyKo: `완료된 업무 약 ${seconds.toFixed(1)}초가 유실됩니다. 계획이 허용하는 것은 ${limit}초입니다`,
        facts: { system: subject, seconds, limit },
      }
    await parts.clock.sleep(500, signal)
  }
}

/** The newest heartbeat of a source: the one that this process saw, or the one that was seen when the plan was made. */
function newest(kept: string | null, seen: number | undefined): number | undefined {
  const before = kept === null ? undefined : Date.parse(kept) / 1000
  if (before === undefined || seen === undefined) return before ?? seen
  return Math.max(before, seen)
}

function isPromotion(node: PlanNode | null): node is PlanNode {
  return node?.type === 'pg.promote'
}
