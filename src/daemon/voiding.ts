import type { Approvals } from '#approval/approvals.ts'
import type { Assumptions, BrokenAssumption } from '#engine/ports.ts'
import type { Json } from '#model/digest.ts'
import type { Assumption } from '#plan/plan.ts'

/**
 * The checks of assumptions, joined with what people signed on them: a broken one voids their signatures, and from then
 * on the assumptions hold again only when people have signed anew; right before an effect that is all that is asked. What
 * nobody could look at breaks and voids nothing.
 */
export function voidingChecks(
  checks: Assumptions,
  approvals: Pick<Approvals, 'void' | 'missingSince'>,
): Assumptions {
  return {
    async broken(check) {
      const { runId, node } = check
      const broken = check.moment === 'effect' ? [] : await checks.broken(check)
      for (const { assumption, why, whyKo = why, facts } of broken) {
        await approvals.void(runId, {
          kind: assumption.kind === 'actions' ? 'action-changed' : 'assumption-broken',
          system: ofTheRun.has(assumption.kind) ? null : (node?.system ?? assumption.subject),
          why: {
            en: `an assumption is broken (${assumption.statement.en}): ${why}`,
            ko: `전제가 깨졌습니다 (${assumption.statement.ko}): ${whyKo}`,
          },
          facts: { assumption: toJson(assumption), why, ...facts },
        })
      }
      if (broken.length > 0) return broken
      const missing = await approvals.missingSince(runId, node?.system ?? null)
      return missing === undefined ? [] : [signAnew(missing)]
    },
  }
}

/** What concerns every system of the run. */
const ofTheRun: ReadonlySet<Assumption['kind']> = new Set(['actions', 'source-silent'])

/** Told as the assumption that broke: it holds again, what people signed on it does not yet. */
function signAnew({
  voiding,
  text,
}: NonNullable<Awaited<ReturnType<Approvals['missingSince']>>>): BrokenAssumption {
  const assumption = voiding.facts['assumption'] as unknown as Assumption
  return { assumption, why: text.en, whyKo: text.ko, facts: { since: new Date(voiding.at).toISOString() } }
}

function toJson(value: unknown): Json {
  return JSON.parse(JSON.stringify(value)) as Json
}
