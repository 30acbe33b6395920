import { isOver, refuseIfAnswers } from '#authority/fence.ts'
import type { AttestationOnRecord, Fence } from '#authority/types.ts'
import { HaetaeError } from '#model/errors.ts'
import { instant } from '#model/time.ts'
import { inRunbookWords } from './answering.ts'
import { attestInput, type AttestInput } from './inputs.ts'
import { attestOutput, type AttestOutput } from './outputs.ts'
import type { Step } from './targets.ts'

export interface AttestState {
  fence: Fence | null
  /** The fence on record has run out. */
  over: boolean
  /** Statements that count now: for this site, not run out. */
  statements: AttestationOnRecord[]
  /** How many people the run's gates and the policy ask for. */
  asked: number
}

/** Records two people's word as a fence, with the debt that it leaves open. It stops nothing at the source. */
export const authorityAttest: Step<AttestInput, AttestState, AttestOutput> = {
  type: 'authority.attest',
  version: 1,
  effect: 'idempotent',
  needsAuthority: false,
  safeguard: true,
  precondition: {
    kind: 'checked',
    by: 'the fence on record for the run must still be the one that was seen, or none',
  },
  inverse: {
    kind: 'none',
    why: "people's word is on record; a real fence closes the debt, nothing takes it back",
  },
  requires: [],
  input: attestInput,
  output: attestOutput,

  async observe(ctx, input) {
    if (ctx.runId === undefined) return { fence: null, over: false, statements: [], asked: 0 }
    const fence = (await ctx.readers.authority.fence(ctx.runId, input.system)) ?? null
    const now = instant(ctx.clock.now())
    const all = await ctx.readers.attestations.forRun(ctx.runId)
    const statements = all.filter((statement) => statement.site === input.site && statement.expiresAt > now)
    const asked = await ctx.readers.attestations.peopleFor(ctx.runId)
    return { fence, over: fence !== null && isOver(fence, ctx.clock), statements, asked }
  },

  judge(input, state) {
    if (state.fence === null || state.over) return 'absent'
    return state.fence.site === input.site ? 'holds' : 'unclear'
  },

  async plan(_ctx, input, state) {
    return [
      {
        certainty: 'exact',
        target: `fence of ${input.system} at ${input.site}`,
        before: state.fence?.kind ?? null,
        after: 'attested',
        why: {
          ko: '증명이 아닌 감수한 위험: 실제 차단이 이루어질 때까지 차단 미이행으로 남음',
          en: 'accepted risk, not proof: a fence debt stays open until a real fence closes it',
        },
      },
    ]
  },

  async apply(ctx, input, state) {
    const people = [...new Set(state.statements.map((statement) => statement.principal))].sort()
    const quorum = Math.max(input.quorum, state.asked)
    if (people.length < quorum) {
      throw new HaetaeError('attestation-missing', `site ${input.site}, for ${input.system}`, {
        why: `${people.length} of ${quorum} people have a valid statement: ${people.join(', ') || 'none'}`,
        facts: { site: input.site, people, quorum },
      })
    }
    const looking = refuseIfAnswers(ctx.readers.silence, input.site, input.system, ctx.signal)
    const seen = await inRunbookWords(looking)
    const fence = {
      runId: ctx.runId,
      system: input.system,
      site: input.site,
      kind: 'attested' as const,
      proof: { statements: state.statements, silence: { at: seen.at, vantages: seen.vantages } },
      expiresAt: expiryOf(state.statements, quorum),
    }
    const renewed = state.fence?.kind === 'attested' ? state.fence.recordedAt : null
    return outputOf(await ctx.writers.authority.recordFence(fence, renewed))
  },

  adopt(_input, state) {
    if (state.fence === null) throw new Error('no fence is there to adopt')
    return outputOf(state.fence)
  },

  invert: () => 'none',
}

/** Until when enough people's word stands: their longest statements count, and the last but quorum-th ends it. */
function expiryOf(statements: readonly AttestationOnRecord[], quorum: number): string | null {
  const longest = new Map<string, string>()
  for (const { principal, expiresAt } of statements) {
    if (expiresAt > (longest.get(principal) ?? '')) longest.set(principal, expiresAt)
  }
  const latestFirst = [...longest.values()].sort().reverse()
  return latestFirst[quorum - 1] ?? null
}

function outputOf(fence: Fence): AttestOutput {
  const statements = (fence.proof['statements'] ?? []) as AttestationOnRecord[]
  return {
    kind: fence.kind,
    principals: [...new Set(statements.map((statement) => statement.principal))].sort(),
    expiresAt: fence.expiresAt,
    debt: fence.debt,
  }
}
