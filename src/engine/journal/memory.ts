import { terminalRunStates } from '#model/states.ts'
import { instant, type Clock } from '#model/time.ts'
import type { Plan } from '#plan/plan.ts'
import { isCommand, type EngineEvent, type JournalRecord } from '../state/events.ts'
import { holds, mayTake } from './hold.ts'
import { TermLost, type Journal, type RunRow } from './journal.ts'
import { runEnded, runExists, runUnknown, systemsLocked } from './refusals.ts'
import { createdEvent, newRow, rowAfter } from './row.ts'

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

  function must(runId: string): Entry {
    const entry = entries.get(runId)
    if (entry === undefined) throw runUnknown(runId)
    return entry
  }

  function write(entry: Entry, term: number, actor: string, events: readonly EngineEvent[]): JournalRecord[] {
    const at = instant(clock.now())
    const records = events.map((event, index) =>
      structuredClone({ runId: entry.row.id, seq: entry.row.lastSeq + 1 + index, term, actor, at, event }),
    )
    entry.row = rowAfter(entry.row, events, at)
    entry.records.push(...records)
    if (ended(entry)) for (const system of entry.row.systems) locks.delete(system)
    return structuredClone(records)
  }

  const free = (entry: Entry, daemon: string) =>
    !ended(entry) && mayTake(entry.row.holder, entry.until <= clock.now(), daemon)

  return {
    async create(run) {
      if (run.parent !== undefined && !holds(must(run.parent.runId).row, run.parent))
        throw new TermLost(run.parent, must(run.parent.runId).row.term)
      if (entries.has(run.id)) throw runExists(run.id)
      const held = run.systems.flatMap((system) => {
        const lock = locks.get(system)
        return lock === undefined ? [] : [{ system, runId: lock.runId }]
      })
      if (held.length > 0) throw systemsLocked(held)
      const at = instant(clock.now())
      for (const system of run.systems) locks.set(system, { runId: run.id, since: at })
      const entry = { row: newRow(run, at), plan: structuredClone(run.plan), until: 0, records: [] }
      entries.set(run.id, entry)
      write(entry, 0, run.requester, [createdEvent(run)])
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

    async command(runId, command, by) {
      const entry = must(runId)
      if (ended(entry)) throw runEnded(runId, entry.row.state)
      write(entry, 0, by, [{ kind: 'command', command, by }])
      return entry.row.lastSeq
    },

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
