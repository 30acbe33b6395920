import { terminalNodeStates } from '#model/states.ts'
import type { Instant } from '#model/time.ts'
import type { PlanNode } from '#plan/plan.ts'
import type { EngineEvent } from './events.ts'
import { nodesOf, type NodeView, type RunView } from './view.ts'

/** How long beyond the deadlines a look at what was under way may take before the run is ended without it. */
const lookMs = 60_000

/**
 * What takes a run over, as its journal stands: nothing more is begun, and it ends at once when nothing was under way.
 * What was is left to whoever takes the run next, who looks at it when it cannot happen any more. When that did not come
 * about in its time, a take-over ends the run without a look; before, there is nothing to do. Pure.
 */
export function takeOverEvents(
  view: RunView,
  by: readonly string[],
  reason: string,
  at: Instant,
): EngineEvent[] {
  const plan = new Map(nodesOf(view).map((node) => [node.id, node]))
  const open = [...view.nodes.values()].filter(({ state }) => !terminalNodeStates.has(state))
  const toLookAt = open.filter((node) => isUnderWay(node, plan.get(node.id)))
  if (view.takenOver !== null && Date.parse(at) < looksEndAt(view.takenOver.at, toLookAt, plan)) return []
  const looked = new Set(view.takenOver === null ? toLookAt : [])
  return [
    ...endOfPause(view, by.join(', '), reason),
    { kind: 'run-taken-over', by: [...by], reason },
    ...open.flatMap((node) => leave(node, looked.has(node))),
    ...(looked.size === 0 ? [{ kind: 'run-ended', outcome: 'canceled' } as const] : []),
  ]
}

/** Nobody knows what it did, and a look may tell. */
function isUnderWay({ state }: NodeView, node: PlanNode | undefined): boolean {
  return node?.waitFor === undefined && (state === 'running' || state === 'unknown')
}

function looksEndAt(since: Instant, nodes: readonly NodeView[], plan: ReadonlyMap<string, PlanNode>): number {
  const longest = Math.max(0, ...nodes.map(({ id }) => plan.get(id)?.limits.attemptMs ?? 0))
  return Date.parse(since) + 3 * longest + lookMs
}

function leave({ id, state, attempts }: NodeView, looked: boolean): EngineEvent[] {
  const message = 'the run was taken over'
  const left = attempts.length === 0 ? 'untouched' : 'unknown'
  const canceled: EngineEvent[] = looked ? [] : [{ kind: 'node-canceled', node: id, left, why: message }]
  if (state !== 'running') return canceled
  const failure = { kind: 'stopped' as const, message }
  return [{ kind: 'attempt-unknown', node: id, attempt: attempts.length, failure }, ...canceled]
}

/** What tells a drill that a run has taken its systems. Pure. */
export function preemptEvents(view: RunView, run: { id: string; requester: string }): EngineEvent[] {
  const { id, requester: by } = run
  const reason = `run ${id} has taken its systems`
  return [...endOfPause(view, by, reason), { kind: 'run-preempted', run: id, by, reason }]
}

/** What ends a run ends its pause first. */
function endOfPause({ paused, startedAt }: RunView, by: string, reason: string): EngineEvent[] {
  if (paused === null) return []
  const to = startedAt === null ? 'waiting' : 'running'
  return [{ kind: 'run-resumed', to, by, reason, command: null }]
}
