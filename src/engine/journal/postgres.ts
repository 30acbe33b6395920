import type { ClientBase, Pool, QueryResultRow } from 'pg'
import { terminalRunStates } from '#model/states.ts'
import { instant, type Clock, type Instant } from '#model/time.ts'
import type { Plan } from '#plan/plan.ts'
import { queryWithin, transaction } from '#platform/postgres/transaction.ts'
import { isCommand, type EngineEvent, type JournalRecord } from '../state/events.ts'
import { Batcher } from './batcher.ts'
import { holds, mayTake } from './hold.ts'
import { TermLost, type Holder, type Journal, type NewRun, type Term } from './journal.ts'
import { takeFree, takeLocks, takeOver } from './locks.ts'
import { runEnded, runExists, runUnknown } from './refusals.ts'
import { commandEvent, createdEvent, newRow } from './row.ts'
import { lockRuns, recordOf, rowColumns, rowOf, type DbRecord, type DbRow, type LockedRow } from './rows.ts'
import { recordsOf, store, type Written } from './write.ts'

export interface PostgresJournalOptions {
  pool: Pool
  clock: Clock
  /** Milliseconds in which PostgreSQL must answer a whole transaction. */
  withinMs?: number
}

interface Append {
  term: Term
  events: readonly EngineEvent[]
}

/** The journal in PostgreSQL (schema.ts). Whatever it writes about a run stands in the ledger too, or not at all. */
export function postgresJournal({ pool, clock, withinMs = 5_000 }: PostgresJournalOptions): Journal {
  const inTransaction = <T>(work: (tx: ClientBase) => Promise<T>) => transaction(pool, work, withinMs)
  const query = <R extends QueryResultRow>(text: string, values: unknown[]) =>
    queryWithin<R>(pool, withinMs, text, values)
  const now = () => instant(clock.now())
  const batcher = new Batcher<Append, JournalRecord[]>(
    (appends) => inTransaction((tx) => appendAll(tx, appends, now())),
    // Runs that were told of the commit before go on within this turn of the event loop, and join the next one.
    () => new Promise((resolve) => setImmediate(resolve)),
  )

  return {
    append: (term, events) => batcher.add({ term, events }),
    create: (run) => inTransaction((tx) => create(tx, run, now())),
    acquire: (runId, holder, ttlMs) => inTransaction((tx) => acquire(tx, runId, holder, ttlMs, now())),

    // Rows are locked in the order in which every writer locks them, so that none waits in a circle.
    renew: async (holder, ttlMs) => {
      const rows = await query<{ id: string; term: number }>(
        `UPDATE runs SET term_until = clock_timestamp() + make_interval(secs => $2)
         WHERE id IN (SELECT id FROM runs WHERE ended_at IS NULL AND holder_incarnation = $1 ORDER BY id FOR UPDATE)
           AND holder_incarnation = $1
         RETURNING id, term`,
        [holder.incarnation, ttlMs / 1000],
      )
      return rows.map(({ id, term }) => ({ runId: id, term }))
    },

    release: async ({ runId, term }) => {
      await query(
        `UPDATE runs SET holder_daemon = NULL, holder_incarnation = NULL, term_until = NULL WHERE id = $1 AND term = $2`,
        [runId, term],
      )
    },

    takeable: async (daemon) => {
      const rows = await query<{ id: string }>(
        `SELECT id FROM runs WHERE ended_at IS NULL
           AND (holder_daemon IS NULL OR holder_daemon = $1 OR term_until <= clock_timestamp()) ORDER BY nr`,
        [daemon],
      )
      return rows.map(({ id }) => id)
    },

    command: (runId, command, by, fleet) =>
      inTransaction(async (tx) => {
        if (fleet !== undefined) await assertHeld(tx, fleet)
        const row = await lockRun(tx, runId)
        if (terminalRunStates.has(row.state)) throw runEnded(runId, row.state)
        const events = [commandEvent(command, by, fleet)]
        const written = recordsOf({ row, term: 0, actor: by, events }, now())
        await store(tx, [written])
        return written.row.lastSeq
      }),

    takeOver: (runId, by, reason) => inTransaction((tx) => takeOver(tx, runId, by, reason, now())),

    // The row is locked first, as everywhere; what is not free leaves nothing behind.
    lockAgain: async (term) => {
      const held = await inTransaction(async (tx) => {
        const row = await lockRun(tx, term.runId)
        if (!holds(row, term)) throw new TermLost(term, row.term)
        await tx.query('SAVEPOINT locks')
        const others = await takeFree(tx, term.runId, row.systems, now())
        if (others.length > 0) await tx.query('ROLLBACK TO SAVEPOINT locks')
        return others
      })
      return held.length === 0
    },

    ...readsOf(query),
  }
}

type Query = <R extends QueryResultRow>(text: string, values: unknown[]) => Promise<R[]>

function readsOf(query: Query): Pick<Journal, 'read' | 'commands' | 'run' | 'plan' | 'runs' | 'locks'> {
  return {
    read: async (runId, after, limit) => {
      const rows = await query<DbRecord>(
        'SELECT * FROM run_journal WHERE run_id = $1 AND seq > $2 ORDER BY seq LIMIT $3',
        [runId, after, limit],
      )
      return rows.map(recordOf)
    },

    commands: async (after) => {
      const rows = await query<DbRecord>(
        `SELECT j.* FROM unnest($1::text[], $2::int[]) AS seen (run_id, seq)
         JOIN run_journal j ON j.run_id = seen.run_id AND j.seq > seen.seq AND j.kind = 'command'
         ORDER BY j.run_id, j.seq`,
        [[...after.keys()], [...after.values()]],
      )
      return rows.map(recordOf).filter(isCommand)
    },

    run: async (runId) => {
      const [row] = await query<DbRow>(`SELECT ${rowColumns} FROM runs WHERE id = $1`, [runId])
      return row === undefined ? undefined : rowOf(row)
    },

    plan: async (runId) => {
      const [row] = await query<{ plan: Plan }>('SELECT plan FROM runs WHERE id = $1', [runId])
      if (row === undefined) throw runUnknown(runId)
      return row.plan
    },

    runs: async ({ open = false, before, system, parent, limit = 100 }) => {
      const rows = await query<DbRow>(
        `SELECT ${rowColumns} FROM runs
         WHERE ($1::text IS NULL OR nr < (SELECT nr FROM runs WHERE id = $1)) AND (NOT $2 OR ended_at IS NULL)
           AND ($4::text IS NULL OR $4 = ANY (systems))
           AND ${parent === undefined ? 'true' : parent === null ? 'parent IS NULL' : 'parent = $5'}
         ORDER BY nr DESC LIMIT $3`,
        [before ?? null, open, limit, system ?? null, ...(typeof parent === 'string' ? [parent] : [])],
      )
      return rows.map(rowOf)
    },

    locks: async () => {
      const rows = await query<{ system: string; run_id: string; since: Date }>(
        'SELECT system, run_id, since FROM system_locks ORDER BY system',
        [],
      )
      return rows.map(({ system, run_id, since }) => ({ system, runId: run_id, since: since.toISOString() }))
    },
  }
}

async function lockRun(tx: ClientBase, runId: string): Promise<LockedRow> {
  const row = (await lockRuns(tx, [runId])).get(runId)
  if (row === undefined) throw runUnknown(runId)
  return row
}

/** Locks the row of a fleet, before those of its parts, as everybody does. Throws TermLost. */
async function assertHeld(tx: ClientBase, fleet: Term): Promise<void> {
  const row = await lockRun(tx, fleet.runId)
  if (!holds(row, fleet)) throw new TermLost(fleet, row.term)
}

/** Appends of any number of runs in one transaction; a stale one is refused alone. */
async function appendAll(
  tx: ClientBase,
  appends: readonly Append[],
  at: Instant,
): Promise<PromiseSettledResult<JournalRecord[]>[]> {
  const rows = await lockRuns(
    tx,
    appends.map(({ term }) => term.runId),
  )
  const written = new Map<string, Written>()
  const results = appends.map(({ term, events }): PromiseSettledResult<JournalRecord[]> => {
    const before = written.get(term.runId)
    const row = before?.row ?? rows.get(term.runId)
    try {
      if (row === undefined || !holds(row, term)) throw new TermLost(term, row?.term ?? 0)
      const next = recordsOf({ row, term: term.term, actor: row.holder?.daemon ?? '', events }, at)
      written.set(term.runId, { row: next.row, records: [...(before?.records ?? []), ...next.records] })
      return { status: 'fulfilled', value: next.records }
    } catch (reason) {
      return { status: 'rejected', reason }
    }
  })
  if (written.size > 0) await store(tx, [...written.values()])
  return results
}

async function acquire(
  tx: ClientBase,
  runId: string,
  holder: Holder,
  ttlMs: number,
  at: Instant,
): Promise<Term | undefined> {
  const row = await lockRun(tx, runId)
  if (terminalRunStates.has(row.state) || !mayTake(row.holder, row.expired, holder.daemon)) return undefined
  const term = row.term + 1
  await tx.query(
    `UPDATE runs SET term = $2, holder_daemon = $3, holder_incarnation = $4,
       term_until = clock_timestamp() + make_interval(secs => $5)
     WHERE id = $1`,
    [runId, term, holder.daemon, holder.incarnation, ttlMs / 1000],
  )
  const taken = { kind: 'term-taken' as const, term, holder: holder.daemon }
  await store(tx, [recordsOf({ row, term, actor: holder.daemon, events: [taken] }, at)])
  return { runId, term }
}

async function create(tx: ClientBase, run: NewRun, at: Instant): Promise<string[]> {
  if (run.parent !== undefined) await assertHeld(tx, run.parent)
  const row = newRow(run, at)
  const made = await tx.query(
    `INSERT INTO runs (id, plan, mode, from_site, to_site, plan_digest, requester, reason, systems, parent, state,
       created_at, last_seq, nodes, nodes_done, term)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 0, $13, 0, 0) ON CONFLICT (id) DO NOTHING`,
    [
      ...[run.id, JSON.stringify(run.plan), row.mode, row.fromSite, row.toSite, row.planDigest],
      ...[run.requester, run.reason, row.systems, row.parent, row.state, at, row.nodes],
    ],
  )
  if (made.rowCount === 0) throw runExists(run.id)
  const preempted = await takeLocks(tx, run, at)
  const written = recordsOf({ row, term: 0, actor: run.requester, events: [createdEvent(run)] }, at)
  await store(tx, [written])
  return preempted
}
