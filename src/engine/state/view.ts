import type { Json } from '#model/digest.ts'
import { doneNodeStates, terminalRunStates, type NodeState, type RunState } from '#model/states.ts'
import type { Instant } from '#model/time.ts'
import type { Plan, PlanNode } from '#plan/plan.ts'
import type { StepCall } from '#runbook/step-type.ts'
import type { Command, Failure, Question } from './events.ts'
import type { Left } from './undo.ts'

/** One try of a step, as the journal tells it. */
export interface AttemptView {
  number: number
  startedAt: Instant
  /** Of a point of no return: when its assumptions were proven; null where they were not, and of every other step. */
  provenAt: Instant | null
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
  /** Of a node that stands for a run of its own: who paused that run alone. */
  pausedAlone: { by: string; reason: string } | null
  /** A person said last that it goes by its plan as it is now, once that is approved. */
  replanned: boolean
  /** Who answered that it has failed, and why; null when nobody did. */
  givenUp: { by: string; reason: string } | null
}

/** What a person asked of the run, and when it was taken up. */
export interface Said {
  by: string
  reason: string
  at: Instant
}

/** What holds a run back: somebody's word about it, about its fleet, or both. It goes on when neither stands. */
export interface Paused {
  since: Instant
  own: Said | null
  fleet: Said | null
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
  paused: Paused | null
  /** Who let it go on last. */
  resumed: Said | null
  rollingBack: Said | null
  /** Two people ended the hold on it: what was under way is looked at, and nothing is tried any more. */
  takenOver: Said | null
  /** The run that took its systems; null once they are its own again. */
  preemptedBy: string | null
  /** How what was done is taken back; null before every step has ended. */
  undo: { steps: UndoNode[]; left: Left[] } | null
  /** From when the time of the run counts: its creation, or when a person let it go on beyond its deadline. */
  deadlineFrom: Instant
  /** A question about the run as a whole. */
  question: Question | null
  /** Commands of people that the holder has not answered yet, by their seq. */
  commands: Map<number, { command: Command; by: string; fleet?: true }>
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
    resumed: null,
    rollingBack: null,
    takenOver: null,
    preemptedBy: null,
    undo: null,
    deadlineFrom: head.createdAt,
    question: null,
    commands: new Map(),
    nodes: new Map(head.plan.subject.nodes.map((node) => [node.id, emptyNode(node.id)])),
  }
}

/** A node on which nothing was done yet. */
export function emptyNode(id: string): NodeView {
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
    pausedAlone: null,
    replanned: false,
    givenUp: null,
  }
}

/**
 * Until when, in milliseconds, a request of an attempt may still come from a process that keeps its deadlines. Before a
 * point of no return it may ask as long whether signatures were voided.
 */
export function requestsEndAt({ startedAt, provenAt }: AttemptView, { limits }: PlanNode): number {
  return provenAt === null
    ? Date.parse(startedAt) + limits.attemptMs
    : Date.parse(provenAt) + 2 * limits.attemptMs
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

/** Nodes by their id, of each list of nodes that was asked for: runs have thousands, and every one of them is asked about. */
const indexes = new WeakMap<readonly PlanNode[], ReadonlyMap<string, PlanNode>>()

function indexOf(nodes: readonly PlanNode[]): ReadonlyMap<string, PlanNode> {
  const index = indexes.get(nodes) ?? new Map(nodes.map((node) => [node.id, node]))
  indexes.set(nodes, index)
  return index
}

/** A node of a run, of its plan or one that takes another back. */
export function planNodeOf({ plan, undo }: RunView, id: string): PlanNode | undefined {
  return indexOf(plan.subject.nodes).get(id) ?? (undo === null ? undefined : indexOf(undo.steps).get(id))
}

/**
 * Whether nothing more is begun on a node, because the run is being ended. What runs at the end runs all the same, unless
 * the run was taken over.
 */
export function isGivenUp(view: RunView, node: PlanNode): boolean {
  if (view.takenOver !== null) return true
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
