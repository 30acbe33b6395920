import { terminalRunStates, type NodeState, type RunState } from '#model/states.ts'
import type { NodeEvent, RunEvent } from './events.ts'

/** Thrown when an event does not fit the state: a defect of the engine, or a journal that was tampered with. */
export class IllegalTransition extends Error {
  constructor(state: string, event: string) {
    super(`event ${event} does not fit state ${state}`)
    this.name = 'IllegalTransition'
  }
}

const nodeTable: { [S in NodeState]: Partial<Record<NodeEvent['kind'], NodeState>> } = {
  waiting: {
    'approvals-counted': 'waiting',
    intended: 'running',
    succeeded: 'succeeded',
    adopted: 'adopted',
    'not-seen': 'waiting',
    asked: 'needs-person',
    'node-skipped': 'skipped',
    skipped: 'skipped',
    'node-canceled': 'canceled',
  },
  running: {
    proven: 'running',
    applied: 'running',
    'child-paused': 'running',
    'child-ended': 'failed',
    progress: 'running',
    'not-seen': 'running',
    succeeded: 'succeeded',
    'attempt-failed': 'waiting',
    'attempt-unknown': 'unknown',
  },
  unknown: {
    intended: 'running',
    succeeded: 'succeeded',
    adopted: 'adopted',
    'not-seen': 'unknown',
    asked: 'needs-person',
    'node-skipped': 'skipped',
    'node-canceled': 'canceled',
  },
  'needs-person': { skipped: 'skipped', 'node-canceled': 'canceled' },
  succeeded: {},
  adopted: {},
  failed: {},
  skipped: {},
  canceled: {},
}

const decided = { retry: 'waiting', replan: 'waiting', holds: 'adopted', fail: 'failed' } as const

/**
 * The state of a node after an event. Nothing else sets one.
 * Throws IllegalTransition when the event does not fit.
 */
export function transitionNode(state: NodeState, event: NodeEvent): NodeState {
  const next =
    event.kind === 'decided' && state === 'needs-person'
      ? decided[event.decision]
      : nodeTable[state][event.kind]
  if (next === undefined) throw new IllegalTransition(state, event.kind)
  return next
}

const runTable: {
  [S in RunState]: Partial<Record<RunEvent['kind'], RunState>>
} = {
  waiting: {
    'term-taken': 'waiting',
    'run-started': 'running',
    'run-asked': 'needs-person',
    'run-canceling': 'waiting',
    'run-rolling-back': 'waiting',
    'run-rollback-planned': 'waiting',
    'run-preempted': 'waiting',
    'run-locked-again': 'waiting',
    'run-taken-over': 'waiting',
    'run-paused': 'paused',
  },
  running: {
    'term-taken': 'running',
    'run-asked': 'needs-person',
    'run-canceling': 'running',
    'run-rolling-back': 'running',
    'run-rollback-planned': 'running',
    'run-preempted': 'running',
    'run-locked-again': 'running',
    'run-taken-over': 'running',
    'run-paused': 'paused',
  },
  'needs-person': {
    'term-taken': 'needs-person',
    'run-started': 'needs-person',
    'run-asked': 'needs-person',
    'run-canceling': 'needs-person',
    'run-rolling-back': 'needs-person',
    'run-rollback-planned': 'needs-person',
    'run-preempted': 'needs-person',
    'run-locked-again': 'needs-person',
    'run-taken-over': 'needs-person',
    'run-paused': 'paused',
  },
  // Questions are asked and answered in a pause as well. What ends the run ends the pause first.
  paused: {
    'term-taken': 'paused',
    'run-paused': 'paused',
    'run-asked': 'paused',
    'run-goes-on': 'paused',
    'run-rollback-planned': 'paused',
    'run-locked-again': 'paused',
    'run-taken-over': 'paused',
  },
  succeeded: {},
  failed: {},
  canceled: {},
  'rolled-back': {},
}

/**
 * The state of a run after an event; undefined stands for a run that is not there yet.
 * Nothing else sets one. Throws IllegalTransition when the event does not fit.
 */
export function transitionRun(state: RunState | undefined, event: RunEvent): RunState {
  const next = nextRunState(state, event)
  if (next === undefined) throw new IllegalTransition(state ?? '(none)', event.kind)
  return next
}

function nextRunState(state: RunState | undefined, event: RunEvent): RunState | undefined {
  if (event.kind === 'run-created') return state === undefined ? 'waiting' : undefined
  if (state === undefined) return undefined
  if (event.kind === 'run-goes-on' && state === 'needs-person') return event.to
  if (event.kind === 'run-resumed') return state === 'paused' ? event.to : undefined
  if (event.kind === 'run-ended') return terminalRunStates.has(state) ? undefined : event.outcome
  return runTable[state][event.kind]
}
