import type { Localized } from '#model/localized.ts'
import type { RunFacts } from './haetae-facts.ts'

/** Where people went another way than the plan: steps that they left out, gates that they opened by break-glass. */
export function departures({ graph, gates }: Pick<RunFacts, 'graph' | 'gates'>): Localized[] {
  const skipped = graph.flatMap(({ id, skipped }) =>
    skipped === null || skipped === undefined
      ? []
      : [
          {
            ko: `${id}: ${skipped.by}이(가) 단계를 건너뜀 — ${skipped.reason}`,
            en: `${id}: left out by ${skipped.by} — ${skipped.reason}`,
          },
        ],
  )
  const broken = gates.flatMap(({ gate, brokenBy }) =>
    brokenBy.map(({ principal, reason }) => ({
      ko: `${gate}: ${principal}이(가) 긴급 승인으로 개방함, 두 사람의 사후 검토가 필요함 — ${reason}`,
      en: `${gate}: opened by ${principal} by break-glass, to be reviewed by two others — ${reason}`,
    })),
  )
  return [...skipped, ...broken]
}
