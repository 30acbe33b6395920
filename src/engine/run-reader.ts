import type { Clock } from '#model/time.ts'
import type { RunReader } from './engine-port.ts'
import type { Journal } from './journal/journal.ts'
import { nodeUnknown, runUnknown } from './journal/refusals.ts'
import { fold } from './state/fold.ts'
import { emptyView, type RunView } from './state/view.ts'
import { whyNode } from './state/why.ts'

const page = 1_000
const lookEveryMs = 250

/** Reads runs from a journal. Views are folded from it each time: the journal is all there is. */
export function createRunReader(journal: Journal, clock: Clock): RunReader {
  const getRun = (runId: string) => readView(journal, runId)
  return {
    listRuns: (filter = {}) => journal.runs(filter),
    getRun,

    async journalSince(runId, after, limit = page) {
      if ((await journal.run(runId)) === undefined) throw runUnknown(runId)
      return journal.read(runId, after, Math.min(limit, page))
    },

    async why(runId, node) {
      const view = await getRun(runId)
      const why = whyNode(view, node)
      if (why === undefined) throw nodeUnknown(runId, node)
      return why
    },

    async changed(runId, after, signal) {
      while (!signal.aborted) {
        const row = await journal.run(runId)
        if (row === undefined) throw runUnknown(runId)
        if (row.lastSeq > after) return
        await clock.sleep(lookEveryMs, signal).catch(() => {})
      }
    },
  }
}

/** A run as its journal tells it now. Throws `run-unknown`. */
export async function readView(journal: Journal, runId: string): Promise<RunView> {
  const row = await journal.run(runId)
  if (row === undefined) throw runUnknown(runId)
  const { id, requester, reason, createdAt, parent } = row
  const view = emptyView({ id, requester, reason, createdAt, parent, plan: await journal.plan(runId) })
  for (;;) {
    const records = await journal.read(runId, view.seq, page)
    for (const record of records) fold(view, record)
    if (records.length < page) return view
  }
}
