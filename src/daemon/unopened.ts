import { readView } from '#engine/run-reader.ts'
import type { Journal } from '#engine/journal/journal.ts'
import { isDone, isEnded } from '#engine/state/view.ts'

/** Whether a run ended before all its steps for a system were done. */
export type Unopened = (runId: string, system: string) => Promise<boolean>

/** Reads it from the journal, of each run that has ended once. A run that goes on leaves nothing unopened: it holds its systems. */
export function unopenedBy(journal: Journal): Unopened {
  const known = new Map<string, ReadonlySet<string>>()
  return async (runId, system) => {
    const left = known.get(runId) ?? (await leftBy(journal, runId))
    if (left === undefined) return false
    known.set(runId, left)
    return left.has(system)
  }
}

/** Systems of an ended run with a step that is not done. */
async function leftBy(journal: Journal, runId: string): Promise<ReadonlySet<string> | undefined> {
  if ((await journal.run(runId)) === undefined) return new Set() // taken by a run of the other site
  const view = await readView(journal, runId)
  if (!isEnded(view)) return undefined
  // What was done and taken back is not done.
  const left = view.plan.subject.nodes.filter(
    ({ id }) => view.undo !== null || !isDone(view.nodes.get(id)?.state ?? 'waiting'),
  )
  return new Set(left.flatMap(({ system }) => system ?? []))
}
