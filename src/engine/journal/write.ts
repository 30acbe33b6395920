import type { ClientBase } from 'pg'
import { appendToLedger } from '#ledger/ledger.ts'
import type { Json } from '#model/digest.ts'
import { terminalRunStates } from '#model/states.ts'
import type { Instant } from '#model/time.ts'
import type { EngineEvent, JournalRecord } from '../state/events.ts'
import type { RunRow } from './journal.ts'
import { rowAfter } from './row.ts'

/** Events to write behind what a run's row tells; the row is locked by the caller. */
export interface Part {
  row: RunRow
  term: number
  actor: string
  events: readonly EngineEvent[]
}

/** A part made ready: its records, and the row as it will be. Pure; throws IllegalTransition. */
export interface Written {
  row: RunRow
  records: JournalRecord[]
}

export function recordsOf({ row, term, actor, events }: Part, at: Instant): Written {
  const records = events.map((event, index) => ({
    runId: row.id,
    seq: row.lastSeq + 1 + index,
    term,
    actor,
    at,
    event,
  }))
  return { row: rowAfter(row, events, at), records }
}

/** Writes records, what they make of their runs, and the same to the ledger. One part a run. */
export async function store(tx: ClientBase, written: readonly Written[]): Promise<void> {
  const records = written.flatMap((each) => each.records)
  const rows = written.map((each) => each.row)
  // Named, so that PostgreSQL plans it once a connection: this is what every step waits for.
  await tx.query({
    name: 'runs-store',
    text: `WITH appended AS (
       INSERT INTO run_journal (run_id, seq, term, actor, at, kind, event)
       SELECT * FROM unnest($1::text[], $2::int[], $3::int[], $4::text[], $5::timestamptz[], $6::text[], $7::json[])
     )
     UPDATE runs SET last_seq = next.last_seq, state = next.state, ended_at = next.ended_at, nodes_done = next.done,
       nodes = next.nodes
     FROM unnest($8::text[], $9::int[], $10::text[], $11::timestamptz[], $12::int[], $13::int[])
       AS next (id, last_seq, state, ended_at, done, nodes)
     WHERE runs.id = next.id`,
    values: [
      records.map((record) => record.runId),
      records.map((record) => record.seq),
      records.map((record) => record.term),
      records.map((record) => record.actor),
      records.map((record) => record.at),
      records.map((record) => record.event.kind),
      records.map((record) => JSON.stringify(record.event)),
      rows.map((row) => row.id),
      rows.map((row) => row.lastSeq),
      rows.map((row) => row.state),
      rows.map((row) => row.endedAt),
      rows.map((row) => row.nodesDone),
      rows.map((row) => row.nodes),
    ],
  })
  await appendToLedger(tx, ...records.map(ledgerEntry))
  const ended = rows.filter((row) => terminalRunStates.has(row.state)).map((row) => row.id)
  if (ended.length > 0) await tx.query('DELETE FROM system_locks WHERE run_id = ANY ($1)', [ended])
}

function ledgerEntry({ runId, seq, term, actor, at, event }: JournalRecord) {
  const kind = event.kind.startsWith('run-') ? event.kind.slice('run-'.length) : event.kind
  const data = { run: runId, seq, term, event: event as unknown as Json }
  return { kind: `run.${kind}`, subject: `run/${runId}`, actor, at, data }
}
