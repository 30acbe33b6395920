import { proveFence } from '#authority/fence.ts'
import type { AuthorityStore } from '#authority/store.ts'
import type { SourceSilence } from '#authority/types.ts'
import type { Assumptions, BrokenAssumption } from '#engine/ports.ts'
import type { Json } from '#model/digest.ts'
import { isHaetaeError } from '#model/errors.ts'
import type { Clock } from '#model/time.ts'
import type { Assumption, PlanNode } from '#plan/plan.ts'

/** What the checks stand on; the loss of a system is told in seconds, undefined when it cannot be told. */
export interface AssumptionParts {
  authority: AuthorityStore
  silence: SourceSilence
  clock: Clock
  /** Seconds of acknowledged work that would be lost if the system were promoted now. */
  lossSeconds(system: string, fromSite: string, signal: AbortSignal): Promise<number | undefined>
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
      const found: BrokenAssumption[] = []
      for (const assumption of about) {
        const why = await whyBroken(parts, check, assumption)
        if (why !== undefined) found.push({ assumption, ...why })
      }
      return found
    },
  }
}

function ofSite(assumption: Assumption): boolean {
  return assumption.kind === 'source-silent' || assumption.kind === 'fence'
}

interface Why {
  why: string
  facts?: { [key: string]: Json }
}

async function whyBroken(
  parts: AssumptionParts,
  check: Check,
  assumption: Assumption,
): Promise<Why | undefined> {
  switch (assumption.kind) {
    case 'source-silent':
      return sourceAnswers(parts, assumption.subject, check.signal)
    case 'fence':
      return noFence(parts, check)
    case 'active-site':
      return movedSince(parts, check, assumption)
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
  return { why: answered.map(({ vantage, why }) => `${vantage} answers: ${why}`).join('; '), facts }
}

/** There is a fence to prove only where something is about to become primary. */
async function noFence(parts: AssumptionParts, check: Check): Promise<Why | undefined> {
  const { runId, node, signal } = check
  const system = node?.system ?? null
  if (system === null) return undefined
  const epoch = await parts.authority.epochOf(runId, system)
  if (epoch === undefined) return { why: `the run holds no authority over ${system}`, facts: { system } }
  try {
    await proveFence({ ...parts, signal }, { runId, system, epoch })
    return undefined
  } catch (error) {
    if (!isHaetaeError(error)) throw error
    return { why: error.why ?? error.message, facts: { code: error.code, system, epoch } }
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
    facts: { system: subject, site: there.site, epoch: there.epoch },
  }
}

/** Only before a promotion: later there is nothing left to lose, earlier the standby may still catch up. */
async function losesMore(
  parts: AssumptionParts,
  { node, plan, signal }: Check,
  { subject, bound }: Assumption,
): Promise<Why | undefined> {
  const { fromSite } = plan.subject
  if (!isPromotion(node) || node.system !== subject || fromSite === undefined) return undefined
  const seconds = await parts.lossSeconds(subject, fromSite, signal)
  const limit = Number(bound['seconds'])
  if (seconds === undefined || seconds <= limit) return undefined
  return {
    why: `about ${seconds.toFixed(1)} s of acknowledged work would be lost, the plan allows ${limit} s`,
    facts: { system: subject, seconds, limit },
  }
}

function isPromotion(node: PlanNode | null): node is PlanNode {
  return node?.type === 'pg.promote'
}
