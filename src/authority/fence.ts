import { HaetaeError } from '#model/errors.ts'
import type { Localized } from '#model/localized.ts'
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
          ? { en: 'no authority is on record', ko: '기록된 운영권이 없습니다' }
          : {
              en: `the newest is epoch ${newest.epoch} of ${newest.site}, taken by ${newest.runId ?? 'the catalogue'}`,
              ko: `가장 새로운 것은 ${newest.site}의 세대 ${newest.epoch}입니다(${newest.runId ?? '기준 정보'})`,
            },
      facts: { system, runId, epoch },
    })
  }
  const fence = await parts.authority.fence(runId, system)
  if (fence === undefined || fence.epoch !== epoch || isOver(fence, parts.clock)) {
    throw new HaetaeError('authority-without-fence', `${system} in run ${runId}`, {
      why:
        fence === undefined
          ? { en: 'no fence is on record', ko: '기록된 차단이 없습니다' }
          : whyNot(fence, epoch),
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
    why: {
      en: answered.map((vantage) => `${vantage.vantage}: ${vantage.why}`).join('; '),
      ko: answered.map((vantage) => `${vantage.vantage}에서 응답: ${vantage.why}`).join('; '),
    },
    facts: { system, site, vantages: answered },
  })
}

/** Whether a fence has run out. */
export function isOver(fence: Fence, clock: Clock): boolean {
  return fence.expiresAt !== null && fence.expiresAt <= instant(clock.now())
}

function whyNot({ kind, epoch: bound, expiresAt }: Fence, epoch: number): Localized {
  return bound === epoch
    ? {
        en: `the ${kind} fence ran out at ${expiresAt}`,
        ko: `${kind} 차단의 기한이 ${expiresAt}에 끝났습니다`,
      }
    : {
        en: `the ${kind} fence is bound to epoch ${bound ?? '(none)'}`,
        ko: `${kind} 차단은 세대 ${bound ?? '(없음)'}의 것입니다`,
      }
}
