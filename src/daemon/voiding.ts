import type { Approvals } from '#approval/approvals.ts'
import type { Assumptions, BrokenAssumption } from '#engine/ports.ts'
import type { Assumption } from '#plan/plan.ts'

/**
 * The checks of assumptions, joined with what people signed on them: a broken one voids their signatures, and from then
 * on the assumptions hold again only when people have signed anew. What nobody could look at breaks and voids nothing.
 */
export function voidingChecks(
  checks: Assumptions,
  approvals: Pick<Approvals, 'void' | 'missingSince'>,
): Assumptions {
  return {
    async broken(check) {
      const { runId, node, plan } = check
      const broken = await checks.broken(check)
      for (const { assumption, why, facts } of broken) {
        await approvals.void(runId, {
          kind: 'assumption-broken',
          system: assumption.kind === 'source-silent' ? null : (node?.system ?? assumption.subject),
          why: {
            en: `an assumption is broken (${assumption.statement.en}): ${why}`,
            ko: `전제가 깨졌습니다 (${assumption.statement.ko}): ${why}`,
          },
          facts: { assumption: assumption.kind, subject: assumption.subject, why, ...facts },
        })
      }
      if (broken.length > 0) return broken
      const missing = await approvals.missingSince(runId, node?.system ?? null)
      return missing === undefined ? [] : [signAnew(plan.subject.assumptions, missing)]
    },
  }
}

/** Told as the assumption that broke: it holds again, what rests on it does not yet. */
function signAnew(
  assumptions: readonly Assumption[],
  { voiding, text }: NonNullable<Awaited<ReturnType<Approvals['missingSince']>>>,
): BrokenAssumption {
  const { assumption: kind, subject } = voiding.facts
  const assumption = assumptions.find((one) => one.kind === kind && one.subject === subject) ?? assumptions[0]
  if (assumption === undefined) throw new Error(text.en)
  return { assumption, why: text.en, facts: { since: new Date(voiding.at).toISOString(), ko: text.ko } }
}
