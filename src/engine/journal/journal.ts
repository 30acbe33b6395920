import type { RunState } from '#model/states.ts'
import type { Instant } from '#model/time.ts'
import type { Plan } from '#plan/plan.ts'
import type { Command, EngineEvent, JournalRecord, PersonsCommand } from '../state/events.ts'

/** Who holds a run. `daemon` is one data folder; `incarnation` one start of a process on it. */
export interface Holder {
  daemon: string
  incarnation: string
}

/** A hold on a run. Only grows; whoever has an older one can write nothing. */
export interface Term {
  runId: string
  term: number
}

export interface NewRun {
  id: string
  plan: Plan
  requester: string
  reason: string
  /** Systems that no other run may hold until this one ends. */
  systems: readonly string[]
  /** The hold on the run of a fleet that this one is a part of: whoever lost it creates nothing. */
  parent?: Term
}

/** A run without its plan and journal, as lists show it. */
export interface RunRow {
  id: string
  mode: string
  /** null where nothing moves. */
  fromSite: string | null
  toSite: string
  planDigest: string
  requester: string
  reason: string
  systems: string[]
  /** The run of a fleet that this one is a part of. */
  parent: string | null
  state: RunState
  createdAt: Instant
  endedAt: Instant | null
  lastSeq: number
  term: number
  holder: Holder | null
  nodes: number
  nodesDone: number
}

/** Filter of a list of runs: newest first. */
export interface RunFilter {
  /** Only runs that have not ended. */
  open?: boolean
  /** Only runs created before this one. */
  before?: string
  /** Only runs that are about this system. */
  system?: string
  /** Only the parts of this run; null: only runs that are no part of another. */
  parent?: string | null
  limit?: number
}

/** Thrown by an append under a term that is not the run's any more: the process must stop before its next effect. */
export class TermLost extends Error {
  constructor(term: Term, now: number) {
    super(`term ${term.term} of run ${term.runId} is over: it is at ${now}`)
    this.name = 'TermLost'
  }
}

/**
 * The truth about runs. Two implementations, memory (simulation) and PostgreSQL, held equal by one conformance suite.
 * Everything that returns has been made durable.
 */
export interface Journal {
  /**
   * Stores the run with its plan, takes the locks of its systems and writes `run-created`, all or nothing.
   * Throws `system-locked` with who holds one; `run-exists` when the id is taken; TermLost when the hold on the parent
   * is over. A failover takes the systems of drills: each is told so and its hold ends. Returns those runs.
   */
  create(run: NewRun): Promise<string[]>
  /**
   * Takes the run for `ttlMs`. Undefined when somebody else holds it. An earlier hold of the same daemon is taken
   * over at once: one data folder has one live process. Writes `term-taken`.
   */
  acquire(runId: string, holder: Holder, ttlMs: number): Promise<Term | undefined>
  /** Renews every hold of this incarnation; returns those that it still has. */
  renew(holder: Holder, ttlMs: number): Promise<Term[]>
  /** Ends a hold so that another process can take the run at once. Nothing when it is over already. */
  release(term: Term): Promise<void>
  /** Runs that this daemon may take now: not ended, and held by nobody, by an expired term, or by this daemon. */
  takeable(daemon: string): Promise<string[]>
  /**
   * Appends under a term, in order, all or nothing; returns when durable. Locks of systems go with `run-ended`.
   * Calls for different runs that arrive while a commit is under way share the next one. Throws TermLost; anything
   * else thrown leaves open whether the events landed. The holder makes one call at a time.
   */
  append(term: Term, events: readonly EngineEvent[]): Promise<JournalRecord[]>
  /**
   * Appends what a person asks; needs no term. `fleet`: the hold on the fleet that passes it on to this part of it; whoever
   * lost that passes nothing on. Throws `run-unknown`, `run-ended`, TermLost. Returns its seq.
   */
  command(runId: string, command: Command, by: string, fleet?: Term): Promise<number>
  /**
   * Ends the hold on a run, whoever has it: its holder can write nothing any more, and nothing more is begun. A run of
   * which nothing was under way has ended with it; of another one, whoever takes it looks first at what was
   * (`takeOverEvents`). The parts of a fleet are taken over with it. Returns the runs that it took over. Throws
   * `run-unknown`, `run-ended`.
   */
  takeOver(runId: string, by: readonly string[], reason: string): Promise<string[]>
  /** Takes the systems of a run again that were taken from it; false while another run holds one. Throws TermLost. */
  lockAgain(term: Term): Promise<boolean>
  /** Records with a seq above `after`, at most `limit`. */
  read(runId: string, after: number, limit: number): Promise<JournalRecord[]>
  /** Commands with a seq above `after`, for each of the given runs. */
  commands(after: ReadonlyMap<string, number>): Promise<JournalRecord<PersonsCommand>[]>
  run(runId: string): Promise<RunRow | undefined>
  /** The plan of a run. Throws `run-unknown`. */
  plan(runId: string): Promise<Plan>
  runs(filter: RunFilter): Promise<RunRow[]>
  /** Systems that are held, with the run that holds each. */
  locks(): Promise<{ system: string; runId: string; since: Instant }[]>
}
