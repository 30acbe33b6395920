import { shortened } from '#model/difference.ts'
import { partDrift } from '#plan/part-drift.ts'
import type { OwnRun, Plan } from '#plan/plan.ts'

/** So many differences stand in the journal; `run drift` tells them all. */
const differencesAtMost = 10

/** What differs, bounded: a question is read on a phone at night, and stays in the journal for ever. */
export function driftFacts(own: OwnRun, planned: Plan) {
  const { changed, differs } = partDrift(own, planned)
  const more = differs.length - differencesAtMost
  return {
    approved: own.digest,
    now: planned.digest,
    changed: changed.map(({ name: part, ...values }) => ({ part, ...values })),
    ...(differs.length === 0
      ? {}
      : {
          differs: differs.slice(0, differencesAtMost).map(shortened),
        }),
    ...(more > 0 ? { more } : {}),
  }
}
