import { HaetaeError } from '#model/errors.ts'
import { instant, type Clock } from '#model/time.ts'
import { NoAnswer } from '#platform/no-answer.ts'
import type { AuthorityReader, Fence, SourceSilence } from './types.ts'

/**
 * Proves right now that a run may act as the only primary of a system: a fence on record, bound to this run and
 * epoch, not run out, and (for an attested one) a source that still says nothing to anyone.
 * Returns the fence. Throws `authority-without-fence`, `authority-lost`, `source-answers`; NoAnswer when
 * nobody could look at the source.
 */
export async function proveFence(
  parts: { authority: AuthorityReader; silence: SourceSilence; clock: Clock; signal: AbortSignal },
  held: { runId: string; system: string; epoch: number },
): Promise<Fence> {
  const { runId, system, epoch } = held
  const newest = await parts.authority.current(system)
  if (newest === undefined || newest.runId !== runId || newest.epoch !== epoch) {
    throw new HaetaeError('authority-lost', `epoch ${epoch} of ${system}`, {
      why:
        newest === undefined
          ? 'no authority is on record'
          : `the newest is epoch ${newest.epoch} of ${newest.site}, taken by ${newest.runId ?? 'the catalogue'}`,
      facts: { system, runId, epoch },
    })
  }
  const fence = await parts.authority.fence(runId, system)
  if (fence === undefined || fence.epoch !== epoch || isOver(fence, parts.clock)) {
    throw new HaetaeError('authority-without-fence', `${system} in run ${runId}`, {
      why: fence === undefined ? 'no fence is on record' : whyNot(fence, epoch),
      facts: { system, runId, epoch },
    })
  }
  if (fence.kind === 'attested') await refuseIfAnswers(parts.silence, fence.site, system, parts.signal)
  return fence
}

/**
 * Throws `source-answers` when any vantage point gets an answer from the site: people's word no longer stands.
 * Throws NoAnswer when no vantage point could look: that is not silence.
 */
export async function refuseIfAnswers(
  silence: SourceSilence,
  site: string,
  system: string,
  signal: AbortSignal,
): Promise<Awaited<ReturnType<SourceSilence['look']>>> {
  const seen = await silence.look(site, signal)
  if (seen.silent) return seen
  const answered = seen.vantages.filter((vantage) => vantage.answered)
  if (answered.length === 0)
    throw new NoAnswer('every vantage point', new Error(`nobody could look at ${site}`))
  throw new HaetaeError('source-answers', `site ${site}, for ${system}`, {
    why: answered.map((vantage) => `${vantage.vantage}: ${vantage.why}`).join('; '),
    facts: { system, site, vantages: answered },
  })
}

/** Whether a fence has run out. */
export function isOver(fence: Fence, clock: Clock): boolean {
  return fence.expiresAt !== null && fence.expiresAt <= instant(clock.now())
}

function whyNot(fence: Fence, epoch: number): string {
  if (fence.epoch !== epoch) return `the ${fence.kind} fence is bound to epoch ${fence.epoch ?? '(none)'}`
  return `the ${fence.kind} fence ran out at ${fence.expiresAt}`
}
