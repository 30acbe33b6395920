import { terminalRunStates } from '#model/states.ts'
import { instant, type Clock } from '#model/time.ts'
import type { Plan } from '#plan/plan.ts'
import { isCommand, type EngineEvent, type JournalRecord } from '../state/events.ts'
import { preemptEvents, takeOverEvents } from '../state/seize.ts'
import { fold } from '../state/fold.ts'
import { emptyView, type RunView } from '../state/view.ts'
import { holds, mayTake, preempts } from './hold.ts'
import { TermLost, type Journal, type RunRow, type Term } from './journal.ts'
import { runEnded, runExists, runUnknown, systemsLocked } from './refusals.ts'
import { commandEvent, createdEvent, newRow, rowAfter } from './row.ts'

interface Entry {
  row: RunRow
  plan: Plan
  /** Milliseconds on the journal's clock at which the hold expires. */
  until: number
  records: JournalRecord[]
}

/** A journal in memory: for the simulation and for tests. Values are copied, as a database would. */
export function memoryJournal(clock: Clock): Journal {
  const entries = new Map<string, Entry>()
  const locks = new Map<string, { runId: string; since: string }>()

  const { must, mustBeOpen, assertHeld } = findIn(entries)

  function write(entry: Entry, term: number, actor: string, events: readonly EngineEvent[]): JournalRecord[] {
    const at = instant(clock.now())
    const records = events.map((event, index) =>
      structuredClone({ runId: entry.row.id, seq: entry.row.lastSeq + 1 + index, term, actor, at, event }),
    )
    entry.row = rowAfter(entry.row, events, at)
    entry.records.push(...records)
    if (ended(entry)) letGo(entry.row)
    return structuredClone(records)
  }

  function letGo({ id, systems }: RunRow): void {
    for (const system of systems) if (locks.get(system)?.runId === id) locks.delete(system)
  }

  /** Raises the term of a run, so that its holder can write nothing any more, and writes what follows from its journal. */
  function seize(entry: Entry, actor: string, eventsOf: (view: RunView) => EngineEvent[]): void {
    const view = emptyView({ ...entry.row, plan: entry.plan })
    for (const record of entry.records) fold(view, record)
    const events = eventsOf(view)
    if (events.length === 0) return
    entry.row = { ...entry.row, term: entry.row.term + 1, holder: null }
    write(entry, entry.row.term, actor, events)
  }

  const free = (entry: Entry, daemon: string) =>
    !ended(entry) && mayTake(entry.row.holder, entry.until <= clock.now(), daemon)

  return {
    async create(run) {
      if (run.parent !== undefined) assertHeld(run.parent)
      if (entries.has(run.id)) throw runExists(run.id)
      const held = run.systems.flatMap((system) => {
        const lock = locks.get(system)
        return lock === undefined ? [] : [{ system, runId: lock.runId }]
      })
      const drills = new Set(held.map(({ runId }) => runId))
      const { mode } = run.plan.subject
      if (![...drills].every((id) => preempts(mode, must(id).row.mode))) throw systemsLocked(held)
      for (const id of drills) seize(must(id), run.requester, (view) => preemptEvents(view, run))
      const at = instant(clock.now())
      for (const system of run.systems) locks.set(system, { runId: run.id, since: at })
      const entry = { row: newRow(run, at), plan: structuredClone(run.plan), until: 0, records: [] }
      entries.set(run.id, entry)
      write(entry, 0, run.requester, [createdEvent(run)])
      return [...drills]
    },

    async acquire(runId, holder, ttlMs) {
      const entry = must(runId)
      if (!free(entry, holder.daemon)) return undefined
      const term = entry.row.term + 1
      entry.row = { ...entry.row, term, holder: { ...holder } }
      entry.until = clock.now() + ttlMs
      write(entry, term, holder.daemon, [{ kind: 'term-taken', term, holder: holder.daemon }])
      return { runId, term }
    },

    async renew(holder, ttlMs) {
      const mine = [...entries.values()].filter(
        (entry) => entry.row.holder?.incarnation === holder.incarnation && !ended(entry),
      )
      for (const entry of mine) entry.until = clock.now() + ttlMs
      return mine.map((entry) => ({ runId: entry.row.id, term: entry.row.term }))
    },

    async release(term) {
      const entry = must(term.runId)
      if (entry.row.term === term.term) entry.row = { ...entry.row, holder: null }
    },

    async takeable(daemon) {
      return [...entries.values()].filter((entry) => free(entry, daemon)).map((entry) => entry.row.id)
    },

    async append(term, events) {
      const entry = entries.get(term.runId)
      if (entry === undefined || !holds(entry.row, term)) throw new TermLost(term, entry?.row.term ?? 0)
      return write(entry, term.term, entry.row.holder?.daemon ?? '', events)
    },

    async command(runId, command, by, fleet) {
      if (fleet !== undefined) assertHeld(fleet)
      const entry = mustBeOpen(runId)
      write(entry, 0, by, [commandEvent(command, by, fleet)])
      return entry.row.lastSeq
    },

    async takeOver(runId, by, reason) {
      const entry = mustBeOpen(runId)
      const parts = [...entries.values()].filter((each) => each.row.parent === runId && !ended(each))
      const all = [entry, ...parts]
      const at = instant(clock.now())
      for (const each of all) seize(each, by.join(', '), (view) => takeOverEvents(view, by, reason, at))
      return all.map(({ row }) => row.id)
    },

    async lockAgain(term) {
      const { row } = assertHeld(term)
      if (row.systems.some((system) => (locks.get(system)?.runId ?? row.id) !== row.id)) return false
      for (const system of row.systems) locks.set(system, { runId: row.id, since: instant(clock.now()) })
      return true
    },

    ...readsOf(entries, must, locks),
  }
}

/** A run by its id, or why it cannot be had. */
function findIn(entries: ReadonlyMap<string, Entry>) {
  function must(runId: string): Entry {
    const entry = entries.get(runId)
    if (entry === undefined) throw runUnknown(runId)
    return entry
  }

  function mustBeOpen(runId: string): Entry {
    const entry = must(runId)
    if (ended(entry)) throw runEnded(runId, entry.row.state)
    return entry
  }

  function assertHeld(term: Term): Entry {
    const entry = must(term.runId)
    if (!holds(entry.row, term)) throw new TermLost(term, entry.row.term)
    return entry
  }

  return { must, mustBeOpen, assertHeld }
}

function readsOf(
  entries: ReadonlyMap<string, Entry>,
  must: (runId: string) => Entry,
  locks: ReadonlyMap<string, { runId: string; since: string }>,
): Pick<Journal, 'read' | 'commands' | 'run' | 'plan' | 'runs' | 'locks'> {
  return {
    async read(runId, after, limit) {
      return structuredClone(must(runId).records.slice(after, after + limit))
    },

    async commands(after) {
      const found = [...after].flatMap(([runId, seq]) => must(runId).records.slice(seq).filter(isCommand))
      return structuredClone(found)
    },

    async run(runId) {
      return structuredClone(entries.get(runId)?.row)
    },

    async plan(runId) {
      return structuredClone(must(runId).plan)
    },

    async runs({ open = false, before, system, parent, limit = 100 }) {
      const newestFirst = [...entries.values()].toReversed()
      const from = before === undefined ? 0 : newestFirst.findIndex((entry) => entry.row.id === before) + 1
      return newestFirst
        .slice(from)
        .filter((entry) => !open || !ended(entry))
        .filter((entry) => system === undefined || entry.row.systems.includes(system))
        .filter((entry) => parent === undefined || entry.row.parent === parent)
        .slice(0, limit)
        .map((entry) => structuredClone(entry.row))
    },

    async locks() {
      return [...locks].map(([system, lock]) => ({ system, ...lock }))
    },
  }
}

function ended(entry: Entry): boolean {
  return terminalRunStates.has(entry.row.state)
}
