import { terminalNodeStates, type NodeState } from '#model/states.ts'
import type { PlanNode } from '#plan/plan.ts'
import { isDone, type RunView } from './view.ts'

/** What a node still waits for: needs that are not done, and others that have not ended. */
export function openNeeds(
  view: RunView,
  { needs, after = [] }: PlanNode,
): { node: string; state: NodeState }[] {
  const open = (ids: readonly string[], over: (state: NodeState) => boolean) =>
    ids.flatMap((id) => {
      const { state } = view.nodes.get(id) ?? {}
      return state === undefined || over(state) ? [] : [{ node: id, state }]
    })
  return [...open(needs, isDone), ...open(after, (state) => terminalNodeStates.has(state))]
}
