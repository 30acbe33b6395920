import type { ClientBase } from 'pg'
import type { RunState } from '#model/states.ts'
import type { EngineEvent, JournalRecord } from '../state/events.ts'
import type { RunRow } from './journal.ts'

/** A row of `runs` as PostgreSQL gives it, the plan left out. */
export interface DbRow {
  id: string
  mode: string
  from_site: string | null
  to_site: string
  plan_digest: string
  requester: string
  reason: string
  systems: string[]
  parent: string | null
  state: RunState
  created_at: Date
  ended_at: Date | null
  last_seq: number
  term: number
  holder_daemon: string | null
  holder_incarnation: string | null
  nodes: number
  nodes_done: number
}

export const rowColumns = `id, mode, from_site, to_site, plan_digest, requester, reason, systems, parent, state, created_at,
  ended_at, last_seq, term, holder_daemon, holder_incarnation, nodes, nodes_done`

export function rowOf(row: DbRow): RunRow {
  const { holder_daemon: daemon, holder_incarnation: incarnation } = row
  return {
    id: row.id,
    mode: row.mode,
    fromSite: row.from_site,
    toSite: row.to_site,
    planDigest: row.plan_digest,
    requester: row.requester,
    reason: row.reason,
    systems: row.systems,
    parent: row.parent,
    state: row.state,
    createdAt: row.created_at.toISOString(),
    endedAt: row.ended_at?.toISOString() ?? null,
    lastSeq: row.last_seq,
    term: row.term,
    holder: daemon === null || incarnation === null ? null : { daemon, incarnation },
    nodes: row.nodes,
    nodesDone: row.nodes_done,
  }
}

export interface DbRecord {
  run_id: string
  seq: number
  term: number
  actor: string
  at: Date
  event: EngineEvent
}

export function recordOf({ run_id, seq, term, actor, at, event }: DbRecord): JournalRecord {
  return { runId: run_id, seq, term, actor, at: at.toISOString(), event }
}

export interface LockedRow extends RunRow {
  /** The hold is over by PostgreSQL's clock. */
  expired: boolean
}

/** Rows of runs, locked until the transaction ends, always in the same order: two batches never wait in a circle. */
export async function lockRuns(tx: ClientBase, ids: readonly string[]): Promise<Map<string, LockedRow>> {
  const { rows } = await tx.query<DbRow & { expired: boolean | null }>({
    name: 'runs-lock',
    text: `SELECT ${rowColumns}, term_until <= clock_timestamp() AS expired FROM runs WHERE id = ANY ($1)
      ORDER BY id FOR UPDATE`,
    values: [[...new Set(ids)]],
  })
  return new Map(rows.map((row) => [row.id, { ...rowOf(row), expired: row.expired ?? true }]))
}
