import type { ClientBase } from 'pg'
import { terminalRunStates } from '#model/states.ts'
import type { Instant } from '#model/time.ts'
import { preemptEvents, takeOverEvents } from '../state/seize.ts'
import type { EngineEvent } from '../state/events.ts'
import { fold } from '../state/fold.ts'
import { emptyView, type RunView } from '../state/view.ts'
import type { Plan } from '#plan/plan.ts'
import { preempts } from './hold.ts'
import type { NewRun } from './journal.ts'
import { runEnded, runUnknown, systemsLocked } from './refusals.ts'
import { lockRuns, recordOf, type DbRecord, type LockedRow } from './rows.ts'
import { recordsOf, store } from './write.ts'

interface Held {
  system: string
  run_id: string
  mode: string
}

/**
 * Takes the systems of a run that is being created, those of drills too when it must not wait for them. Returns the
 * drills that lost some. Throws `system-locked`.
 */
export async function takeLocks(tx: ClientBase, run: NewRun, at: Instant): Promise<string[]> {
  const held = await takeFree(tx, run.id, run.systems, at)
  if (held.length === 0) return []
  const { mode } = run.plan.subject
  if (!held.every((lock) => preempts(mode, lock.mode))) throw locked(held)
  const rows = await lockRuns(
    tx,
    held.map((lock) => lock.run_id),
  )
  // One that ended meanwhile has let its systems go.
  const drills = [...rows.values()].filter((row) => !terminalRunStates.has(row.state))
  for (const row of drills) await seize(tx, row, run.requester, at, (view) => preemptEvents(view, run))
  await tx.query(
    'UPDATE system_locks SET run_id = $1, since = $2 WHERE system = ANY ($3) AND run_id = ANY ($4)',
    [...[run.id, at, [...run.systems], drills.map(({ id }) => id)]],
  )
  const left = await takeFree(tx, run.id, run.systems, at)
  if (left.length > 0) throw locked(left)
  return drills.map(({ id }) => id)
}

/** Takes what is free, in the order of the names, so that two runs never wait for each other; returns what is held by others. */
export async function takeFree(
  tx: ClientBase,
  runId: string,
  wanted: readonly string[],
  at: Instant,
): Promise<Held[]> {
  const systems = [...new Set(wanted)].toSorted()
  await tx.query(
    `INSERT INTO system_locks (system, run_id, since)
     SELECT system, $2, $3 FROM unnest($1::text[]) WITH ORDINALITY AS s (system, place) ORDER BY place
     ON CONFLICT (system) DO NOTHING`,
    [systems, runId, at],
  )
  const { rows } = await tx.query<Held>(
    `SELECT l.system, l.run_id, r.mode FROM system_locks l JOIN runs r ON r.id = l.run_id
     WHERE l.system = ANY ($1) AND l.run_id <> $2 ORDER BY l.system`,
    [systems, runId],
  )
  return rows
}

/** Ends the hold on a run, whoever has it, and on the parts of a fleet with it. Throws `run-unknown`, `run-ended`. */
export async function takeOver(
  tx: ClientBase,
  runId: string,
  by: readonly string[],
  reason: string,
  at: Instant,
): Promise<string[]> {
  const row = (await lockRuns(tx, [runId])).get(runId)
  if (row === undefined) throw runUnknown(runId)
  if (terminalRunStates.has(row.state)) throw runEnded(runId, row.state)
  // Behind the lock on the fleet, none of its parts is created any more.
  const open = await tx.query<{ id: string }>('SELECT id FROM runs WHERE parent = $1 AND ended_at IS NULL', [
    runId,
  ])
  const parts = await lockRuns(
    tx,
    open.rows.map(({ id }) => id),
  )
  const all = [row, ...[...parts.values()].filter(({ state }) => !terminalRunStates.has(state))]
  for (const each of all)
    await seize(tx, each, by.join(', '), at, (view) => takeOverEvents(view, by, reason, at))
  return all.map(({ id }) => id)
}

/** Raises the term of a run, so that its holder can write nothing any more, and writes what follows from its journal. */
async function seize(
  tx: ClientBase,
  row: LockedRow,
  actor: string,
  at: Instant,
  eventsOf: (view: RunView) => EngineEvent[],
): Promise<void> {
  const plan = await tx.query<{ plan: Plan }>('SELECT plan FROM runs WHERE id = $1', [row.id])
  const [found] = plan.rows
  if (found === undefined) throw runUnknown(row.id)
  const view = emptyView({ ...row, plan: found.plan })
  const { rows } = await tx.query<DbRecord>('SELECT * FROM run_journal WHERE run_id = $1 ORDER BY seq', [
    row.id,
  ])
  for (const record of rows) fold(view, recordOf(record))
  const events = eventsOf(view)
  if (events.length === 0) return
  const term = row.term + 1
  await tx.query(
    `UPDATE runs SET term = $2, holder_daemon = NULL, holder_incarnation = NULL, term_until = NULL WHERE id = $1`,
    [row.id, term],
  )
  await store(tx, [recordsOf({ row, term, actor, events }, at)])
}

function locked(held: readonly Held[]) {
  return systemsLocked(held.map(({ system, run_id }) => ({ system, runId: run_id })))
}
