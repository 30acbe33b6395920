import { terminalNodeStates } from '#model/states.ts'
import { instant, type Instant } from '#model/time.ts'
import {
  goesOn,
  isNodeEvent,
  type EngineEvent,
  type Failure,
  type JournalRecord,
  type NodeEvent,
  type PauseOf,
  type RunEvent,
} from './events.ts'
import { assertOrder } from './rollback-order.ts'
import { transitionNode, transitionRun } from './transition.ts'
import { leftChanged } from './undo.ts'
import { emptyNode, type AttemptView, type NodeView, type RunView } from './view.ts'

/**
 * Folds one record into a view, in place. Records come in the order of their seq; one that was folded already is
 * left out. Throws IllegalTransition when the event does not fit.
 */
export function fold(view: RunView, record: JournalRecord): void {
  if (record.seq <= view.seq) return
  if (record.seq !== view.seq + 1) {
    throw new Error(`run ${view.id}: record ${record.seq} came after ${view.seq}`)
  }
  foldEvent(view, record.event, record.at, record.seq)
  view.seq = record.seq
}

/** What an event makes of a view. `seq` is needed for commands only: it is what their answers name. */
export function foldEvent(view: RunView, event: EngineEvent, at: Instant, seq: number): void {
  assertOrder(view, event)
  if (isNodeEvent(event)) foldNode(view, event, at)
  else if (event.kind === 'command') {
    const { command, by, fleet } = event
    view.commands.set(seq, { command, by, ...(fleet === undefined ? {} : { fleet }) })
  } else if (event.kind === 'command-refused') view.commands.delete(event.command)
  else foldRun(view, event, at)
}

function foldRun(view: RunView, event: RunEvent, at: Instant): void {
  view.state = transitionRun(event.kind === 'run-created' && view.seq === 0 ? undefined : view.state, event)
  switch (event.kind) {
    case 'run-created':
      break
    case 'term-taken':
      view.term = event.term
      view.holder = event.holder
      break
    case 'run-started':
      view.startedAt = at
      break
    case 'run-asked':
      view.question = event.question ?? view.question
      break
    case 'run-goes-on':
      if (event.command !== null) {
        view.commands.delete(event.command)
        if (view.question?.reason === 'deadline') view.deadlineFrom = at
        view.question = null
      }
      break
    case 'run-canceling':
      view.commands.delete(event.command)
      view.canceling = { by: event.by, reason: event.reason, at }
      break
    case 'run-preempted':
      view.canceling ??= { by: event.by, reason: event.reason, at }
      view.preemptedBy = event.run
      break
    case 'run-locked-again':
      view.preemptedBy = null
      break
    case 'run-taken-over':
      view.takenOver = { by: event.by.join(', '), reason: event.reason, at }
      view.canceling = view.takenOver
      break
    case 'run-rolling-back':
      view.commands.delete(event.command)
      view.rollingBack = { by: event.by, reason: event.reason, at }
      break
    case 'run-rollback-planned':
      view.undo = { steps: event.steps, left: [...event.left] }
      view.deadlineFrom = at
      for (const { id } of event.steps) view.nodes.set(id, emptyNode(id))
      break
    case 'run-paused':
      view.commands.delete(event.command)
      view.paused = {
        ...(view.paused ?? { since: at, own: null, fleet: null }),
        [event.whose ?? 'own']: { by: event.by, reason: event.reason, at },
      }
      break
    case 'run-resumed':
      if (event.command !== null) view.commands.delete(event.command)
      resume(view, at, event.whose)
      view.resumed = { by: event.by, reason: event.reason, at }
      break
    case 'run-ended':
      view.endedAt = at
      view.question = null
  }
}

/** Ends one pause, or every one. The time of a pause is none of the time that steps have. */
function resume(view: RunView, at: Instant, whose: PauseOf | undefined): void {
  if (view.paused === null) return
  if (whose !== undefined) view.paused = { ...view.paused, [whose]: null }
  if (whose !== undefined && (view.paused.own ?? view.paused.fleet) !== null) return
  const heldMs = Date.parse(at) - Date.parse(view.paused.since)
  for (const { budget } of view.nodes.values()) {
    if (budget.since !== null) budget.since = instant(Date.parse(budget.since) + heldMs)
  }
  view.paused = null
}

function foldNode(view: RunView, event: NodeEvent, at: Instant): void {
  const node = view.nodes.get(event.node)
  if (node === undefined) throw new Error(`run ${view.id} has no node ${event.node}`)
  if (event.kind === 'decided' && node.question?.reason === 'changed' && !goesOn(event.decision)) {
    view.undo?.left.push(leftChanged(view.undo.steps, event))
  }
  node.state = transitionNode(node.state, event)
  applyToNode(node, event, at)
  if (event.kind === 'decided' || event.kind === 'skipped') view.commands.delete(event.command)
  if (terminalNodeStates.has(node.state)) {
    node.endedAt = at
    node.retryAt = null
  }
}

function applyToNode(node: NodeView, event: NodeEvent, at: Instant): void {
  switch (event.kind) {
    case 'approvals-counted':
      node.approvedBy = event.by
      break
    case 'intended':
      node.startedAt ??= at
      node.budget.since ??= at
      node.retryAt = null
      node.undo = event.undo ?? null
      node.attempts.push({
        number: event.attempt,
        startedAt: at,
        provenAt: null,
        endedAt: null,
        outcome: 'open',
        failure: null,
        epoch: event.epoch,
      })
      break
    case 'proven': {
      const attempt = node.attempts.at(-1)
      if (attempt !== undefined) attempt.provenAt = at
      break
    }
    case 'applied':
      node.applied = { output: event.output, at }
      endAttempt(node, 'applied', null, at)
      break
    case 'succeeded':
    case 'adopted':
      node.output = event.output
      node.failure = null
      break
    case 'attempt-failed':
    case 'attempt-unknown':
      endAttempt(node, event.kind === 'attempt-failed' ? 'failed' : 'unknown', event.failure, at)
      node.applied = null
      node.failure = event.failure
      node.retryAt = event.retryAt ?? null
      break
    case 'not-seen':
      node.budget.since ??= at
      node.failure = event.failure
      node.retryAt = event.retryAt
      break
    case 'asked':
      node.question = event.question
      node.retryAt = null
      break
    case 'decided':
      // Held back once more behind a `replan`: to look again does not take that word back.
      node.replanned =
        event.decision === 'replan' ||
        (event.decision === 'retry' && node.question?.reason === 'held' && node.replanned)
      if (event.decision === 'fail') node.givenUp = { by: event.by, reason: event.reason }
      if (node.question?.reason === 'unfenced') node.harmless = node.attempts.length
      node.question = null
      node.output = event.decision === 'holds' ? event.output : null
      node.budget = { attempts: node.attempts.length, since: null }
      break
    case 'node-skipped':
      node.failure = event.failure
      break
    case 'skipped':
      node.question = null
      node.skipped = { by: event.by, reason: event.reason }
      break
    case 'node-canceled':
      node.question = null
      node.canceled = { left: event.left, why: event.why }
      break
    case 'child-paused':
      node.pausedAlone = event.paused
      break
    case 'child-ended':
      node.pausedAlone = null
      node.failure = { kind: 'error', message: `run ${event.run} is ${event.outcome}` }
      endAttempt(node, 'failed', node.failure, at)
      break
    case 'progress':
      node.progress = event.message
  }
}

function endAttempt(
  node: NodeView,
  outcome: AttemptView['outcome'],
  failure: Failure | null,
  at: Instant,
): void {
  const attempt = node.attempts.at(-1)
  if (attempt === undefined) return
  attempt.endedAt ??= at
  attempt.outcome = outcome
  attempt.failure = failure
}
