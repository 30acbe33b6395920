import { terminalNodeStates, type NodeState } from '#model/states.ts'
import type { PlanNode } from '#plan/plan.ts'
import { isDone, type RunView } from './view.ts'

/** What a node still waits for: needs that are not done, and others that have not ended. */
export function openNeeds(view: RunView, node: PlanNode): { node: string; state: NodeState }[] {
  const { needs, after = [] } = node
  const open = (ids: readonly string[], over: (state: NodeState) => boolean) =>
    ids.flatMap((id) => {
      const { state } = view.nodes.get(id) ?? {}
      return state === undefined || over(state) ? [] : [{ node: id, state }]
    })
  // What runs at the end runs when all is taken back.
  const undo = node.finally === true ? (view.undo?.steps ?? []).map(({ id }) => id) : []
  return [...open(needs, isDone), ...open([...after, ...undo], (state) => terminalNodeStates.has(state))]
}
