import type { Json } from '#model/digest.ts'
import {
  doneNodeStates,
  terminalNodeStates,
  terminalRunStates,
  type NodeState,
  type RunState,
} from '#model/states.ts'
import { instant, type Instant } from '#model/time.ts'
import type { Plan, PlanNode } from '#plan/plan.ts'
import type { StepCall } from '#runbook/step-type.ts'
import {
  isNodeEvent,
  type Command,
  type EngineEvent,
  type Failure,
  type JournalRecord,
  type NodeEvent,
  type Question,
  type RunEvent,
} from './events.ts'
import { transitionNode, transitionRun } from './transition.ts'
import type { Left } from './undo.ts'

/** One try of a step, as the journal tells it. */
export interface AttemptView {
  number: number
  startedAt: Instant
  endedAt: Instant | null
  outcome: 'open' | 'applied' | 'failed' | 'unknown'
  failure: Failure | null
  epoch: number | null
}

/** A step that takes back another one. Made when a run is rolled back; in no plan. */
export interface UndoNode extends PlanNode {
  undoes: string
}

/** A node of a run, as the journal tells it. Why it waits: `whyNode`. */
export interface NodeView {
  id: string
  state: NodeState
  attempts: AttemptView[]
  /** The first intent, or for a gate the run's creation; null before. */
  startedAt: Instant | null
  endedAt: Instant | null
  /** What `apply` gave back, while `verify` has not agreed yet. */
  applied: { output: Json; at: Instant } | null
  output: Json
  /** What went wrong last; null once it is behind. */
  failure: Failure | null
  /** How it is taken back to what was seen before its effect; null where its type cannot, or nothing was begun. */
  undo: StepCall | null
  /** When the next try or look is due. */
  retryAt: Instant | null
  question: Question | null
  /** Who has signed at a gate so far. */
  approvedBy: string[]
  /** Tries and time count anew from here after a person said `retry`: [attempts so far, when]. */
  budget: { attempts: number; since: Instant | null }
  /** Attempts, counted from the first, of which a person said that they can do no harm any more. */
  harmless: number
  /** The last line that the step said while running. */
  progress: string | null
  /** Who left it out, and why; null when nobody did. */
  skipped: { by: string; reason: string } | null
  canceled: { left: 'untouched' | 'absent' | 'unknown'; why: string } | null
  /** A person said last that it goes by its plan as it is now, once that is approved. */
  replanned: boolean
}

/** What a person asked of the run, and when it was taken up. */
export interface Said {
  by: string
  reason: string
  at: Instant
}

/** A run, as its journal tells it up to `seq`. */
export interface RunView {
  id: string
  plan: Plan
  requester: string
  reason: string
  state: RunState
  seq: number
  term: number
  /** Who holds the run, or held it last. */
  holder: string | null
  createdAt: Instant
  parent: string | null
  startedAt: Instant | null
  endedAt: Instant | null
  canceling: Said | null
  paused: Said | null
  rollingBack: Said | null
  /** How what was done is taken back; null before every step has ended. */
  undo: { steps: UndoNode[]; left: Left[] } | null
  /** From when the time of the run counts: its creation, or when a person let it go on beyond its deadline. */
  deadlineFrom: Instant
  /** A question about the run as a whole. */
  question: Question | null
  /** Commands of people that the holder has not answered yet, by their seq. */
  commands: Map<number, { command: Command; by: string }>
  nodes: Map<string, NodeView>
}

/** What is known of a run before its journal is read. */
export interface RunHead {
  id: string
  plan: Plan
  requester: string
  reason: string
  createdAt: Instant
  /** The run of a fleet that it is a part of. */
  parent: string | null
}

/** A run of which no record has been read yet; fold its journal into it from seq 1. */
export function emptyView(head: RunHead): RunView {
  return {
    ...head,
    state: 'waiting',
    seq: 0,
    term: 0,
    holder: null,
    startedAt: null,
    endedAt: null,
    canceling: null,
    paused: null,
    rollingBack: null,
    undo: null,
    deadlineFrom: head.createdAt,
    question: null,
    commands: new Map(),
    nodes: new Map(head.plan.subject.nodes.map((node) => [node.id, emptyNode(node.id)])),
  }
}

function emptyNode(id: string): NodeView {
  return {
    id,
    state: 'waiting',
    attempts: [],
    startedAt: null,
    endedAt: null,
    applied: null,
    output: null,
    failure: null,
    undo: null,
    retryAt: null,
    question: null,
    approvedBy: [],
    budget: { attempts: 0, since: null },
    harmless: 0,
    progress: null,
    skipped: null,
    canceled: null,
    replanned: false,
  }
}

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
  if (isNodeEvent(event)) foldNode(view, event, at)
  else if (event.kind === 'command') view.commands.set(seq, { command: event.command, by: event.by })
  else if (event.kind === 'command-refused') view.commands.delete(event.command)
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
    case 'run-rolling-back':
      view.commands.delete(event.command)
      view.rollingBack = { by: event.by, reason: event.reason, at }
      break
    case 'run-rollback-planned':
      view.undo = { steps: event.steps, left: event.left }
      view.deadlineFrom = at
      for (const { id } of event.steps) view.nodes.set(id, emptyNode(id))
      break
    case 'run-paused':
      view.commands.delete(event.command)
      view.paused = { by: event.by, reason: event.reason, at }
      break
    case 'run-resumed':
      if (event.command !== null) view.commands.delete(event.command)
      resume(view, at)
      break
    case 'run-ended':
      view.endedAt = at
      view.question = null
  }
}

/** Ends the pause. It takes nothing of the time that steps have. */
function resume(view: RunView, at: Instant): void {
  if (view.paused === null) return
  const heldMs = Date.parse(at) - Date.parse(view.paused.at)
  for (const { budget } of view.nodes.values()) {
    if (budget.since !== null) budget.since = instant(Date.parse(budget.since) + heldMs)
  }
  view.paused = null
}

function foldNode(view: RunView, event: NodeEvent, at: Instant): void {
  const node = view.nodes.get(event.node)
  if (node === undefined) throw new Error(`run ${view.id} has no node ${event.node}`)
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
        endedAt: null,
        outcome: 'open',
        failure: null,
        epoch: event.epoch,
      })
      break
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
      node.retryAt = event.kind === 'attempt-failed' ? event.retryAt : null
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
      if (node.question?.reason === 'unfenced') node.harmless = node.attempts.length
      node.question = null
      node.replanned = event.decision === 'replan'
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
    case 'child-ended':
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

/** True when the last attempt's answer was lost and nothing has been seen since that settles it. */
export function answerLost(node: NodeView): boolean {
  return node.attempts.at(-1)?.outcome === 'unknown'
}

/**
 * Tries since the step began or a person said `retry`. One that ended with the process that made it is none: the step
 * did not fail, and a daemon that is restarted again and again must not leave its run to people.
 */
export function triesOf(node: NodeView): number {
  return node.attempts.slice(node.budget.attempts).filter(({ failure }) => failure?.kind !== 'stopped').length
}

/** An answer was lost, or the target said that it was done: skipped would not be true. */
export function mayHaveActed({ attempts, harmless }: NodeView): boolean {
  return attempts
    .slice(harmless)
    .some(({ outcome, failure }) => outcome === 'unknown' || failure?.kind === 'verify')
}

/** Whether a try was made that was not certainly without an effect. */
export function acted({ attempts }: NodeView): boolean {
  return attempts.some(
    ({ outcome, failure }) => outcome === 'applied' || outcome === 'unknown' || failure?.kind === 'verify',
  )
}

/** Every node of a run: those of its plan, and those that take them back. */
export function nodesOf(view: RunView): PlanNode[] {
  return [...view.plan.subject.nodes, ...(view.undo?.steps ?? [])]
}

/** Whether nothing more is begun on a node, because the run is being ended. What runs at the end runs all the same. */
export function isGivenUp(view: RunView, node: PlanNode): boolean {
  if (node.finally === true) return false
  return view.canceling !== null || (view.rollingBack !== null && !('undoes' in node))
}

export function isEnded(view: RunView): boolean {
  return terminalRunStates.has(view.state)
}

/** True for a node whose dependents may begin. */
export function isDone(state: NodeState): boolean {
  return doneNodeStates.has(state)
}
