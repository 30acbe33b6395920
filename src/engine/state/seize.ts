import { terminalNodeStates } from '#model/states.ts'
import type { EngineEvent } from './events.ts'
import type { NodeView, RunView } from './view.ts'

/** What ends a run from outside, as its journal stands: nobody looks, so what was tried is left unknown. Pure. */
export function takeOverEvents(view: RunView, by: readonly string[], reason: string): EngineEvent[] {
  const open = [...view.nodes.values()].filter(({ state }) => !terminalNodeStates.has(state))
  return [
    { kind: 'run-taken-over', by: [...by], reason },
    ...open.flatMap(leave),
    { kind: 'run-ended', outcome: 'canceled' },
  ]
}

function leave({ id, state, attempts }: NodeView): EngineEvent[] {
  const message = 'the run was taken over'
  const left = attempts.length === 0 ? 'untouched' : 'unknown'
  const canceled: EngineEvent = { kind: 'node-canceled', node: id, left, why: message }
  if (state !== 'running') return [canceled]
  const failure = { kind: 'stopped' as const, message }
  return [{ kind: 'attempt-unknown', node: id, attempt: attempts.length, failure }, canceled]
}

/** What tells a drill that a run has taken its systems. Pure. */
export function preemptEvents(view: RunView, run: { id: string; requester: string }): EngineEvent[] {
  const { id, requester: by } = run
  const reason = `run ${id} has taken its systems`
  const preempted: EngineEvent = { kind: 'run-preempted', run: id, by, reason }
  if (view.paused === null) return [preempted]
  const to = view.startedAt === null ? 'waiting' : 'running'
  return [{ kind: 'run-resumed', to, by, reason, command: null }, preempted]
}
