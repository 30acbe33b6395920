import { terminalRunStates } from '#model/states.ts'
import type { Instant } from '#model/time.ts'
import {
  endsNode,
  isRunEvent,
  type Command,
  type CommandEvent,
  type EngineEvent,
  type RunEvent,
} from '../state/events.ts'
import { transitionRun } from '../state/transition.ts'
import type { NewRun, RunRow, Term } from './journal.ts'

/** The row of a run before `run-created` is written. */
export function newRow(run: NewRun, createdAt: Instant): RunRow {
  const { mode, fromSite, toSite, nodes } = run.plan.subject
  return {
    id: run.id,
    mode,
    fromSite: fromSite ?? null,
    toSite,
    planDigest: run.plan.digest,
    requester: run.requester,
    reason: run.reason,
    systems: [...run.systems],
    parent: run.parent?.runId ?? null,
    state: 'waiting',
    createdAt,
    endedAt: null,
    lastSeq: 0,
    term: 0,
    holder: null,
    nodes: nodes.length,
    nodesDone: 0,
  }
}

/** What appended events make of the row of their run. Throws IllegalTransition. */
export function rowAfter(row: RunRow, events: readonly EngineEvent[], at: Instant): RunRow {
  const next = { ...row }
  for (const event of events) {
    if (isRunEvent(event)) next.state = transitionRun(next.lastSeq === 0 ? undefined : next.state, event)
    if (endsNode(event)) next.nodesDone += 1
    if (event.kind === 'run-rollback-planned') next.nodes += event.steps.length
    next.lastSeq += 1
  }
  if (terminalRunStates.has(next.state)) next.endedAt = at
  return next
}

/** What a person asked; `fleet`: of the fleet, which passes it on. */
export function commandEvent(command: Command, by: string, fleet: Term | undefined): CommandEvent {
  return { kind: 'command', command, by, ...(fleet === undefined ? {} : { fleet: true }) }
}

/** The first record of a run. */
export function createdEvent(run: NewRun): RunEvent {
  return { kind: 'run-created', digest: run.plan.digest, requester: run.requester, reason: run.reason }
}
