import type { Plan } from '#plan/plan.ts'
import type { RunFilter, RunRow } from './journal/journal.ts'
import type { Decision, JournalRecord } from './state/events.ts'
import type { Verb } from './state/refusal.ts'
import type { RunView } from './state/view.ts'
import type { Why } from './ports.ts'

/** Reads runs; works on any journal, without an engine that runs. */
export interface RunReader {
  /** Newest first. */
  listRuns(filter?: RunFilter): Promise<RunRow[]>
  /** Throws `run-unknown`. The view is the caller's own copy. */
  getRun(runId: string): Promise<RunView>
  /** Records with a seq above `after`, in order, at most `limit` (1,000). Throws `run-unknown`. */
  journalSince(runId: string, after: number, limit?: number): Promise<JournalRecord[]>
  /** Why a node waits, or what it does. Throws `run-unknown`, `node-unknown`. */
  why(runId: string, node: string): Promise<Why>
  /** Ends when the run has a record above `after`, or the signal aborts: for watching. */
  changed(runId: string, after: number, signal: AbortSignal): Promise<void>
}

export interface StartRequest {
  /** The id that was signed in the declaration. */
  id: string
  plan: Plan
  requester: string
  reason: string
}

/** The engine of one daemon. See `createEngine`. */
export interface Engine {
  readonly runs: RunReader
  /**
   * Creates the run (locks, plan, journal) and begins it; returns once it is durable.
   * Throws `system-locked`, `run-exists`, `plan-altered`, `plan-impossible`.
   */
  start(request: StartRequest): Promise<void>
  /** Takes every run that this daemon may hold and goes on with it, now and from then on. */
  resumeAll(): Promise<void>
  /** Look again now: a signature has arrived, a command was given. */
  wake(runId: string): void
  /**
   * Puts on record what a person asks of a run; its holder does it within half a second.
   * Throws `verb-refused` with the reason, `run-unknown`, `run-ended`.
   */
  ask(runId: string, verb: Verb, by: string): Promise<void>
  /** Answers the question at a node, or with null the question about the run. Throws `nothing-to-decide`, `run-unknown`, `node-unknown`, `run-ended`. */
  decide(runId: string, node: string | null, decision: Decision, by: string, reason: string): Promise<void>
  /**
   * Ends a run, whoever holds it: its holder can write nothing any more, and nothing is begun. It has ended at once when
   * nothing was under way; what was is looked at once it cannot happen any more, and then the run has ended and its
   * systems are free. For two people who signed that. Throws `run-unknown`, `run-ended`.
   */
  takeOver(runId: string, by: readonly string[], reason: string): Promise<void>
  /** Begins nothing more, lets attempts end for `drainMs`, aborts the rest (they are `unknown`) and lets go of the runs. */
  stop(drainMs?: number): Promise<void>
}
