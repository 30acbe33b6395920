import { terminalNodeStates } from '#model/states.ts'
import type { PlanNode } from '#plan/plan.ts'
import type { EngineEvent } from './events.ts'
import { IllegalTransition } from './transition.ts'
import type { NodeView, RunView } from './view.ts'

/*
 * The order of a roll back: what is under way ends, steps at the end that had begun among it; then what was done is taken
 * back; then the steps at the end run that had not begun. Nothing of one stage is beside the next. A cancel ends the
 * roll back, and with it the order.
 */

/** Whether a step at the end, of which no try was made, has to wait until all is taken back. */
export function waitsForUndo(view: RunView, node: PlanNode): boolean {
  const { rollingBack, canceling, undo, nodes } = view
  if (rollingBack === null || canceling !== null) return false
  if (node.finally !== true || hasBegun(nodes.get(node.id))) return false
  return undo === null || undo.steps.some(({ id }) => isOpen(nodes.get(id)))
}

/** Whether a step keeps a roll back from being planned: it is to end first. */
export function endsBeforeUndo(node: PlanNode, seen: NodeView | undefined): boolean {
  return isOpen(seen) && (node.finally !== true || hasBegun(seen))
}

/** Throws IllegalTransition when an event would come out of this order. */
export function assertOrder(view: RunView, event: EngineEvent): void {
  if (view.rollingBack === null || view.canceling !== null) return
  const { nodes } = view.plan.subject
  const early =
    event.kind === 'run-rollback-planned'
      ? nodes.some((node) => endsBeforeUndo(node, view.nodes.get(node.id)))
      : event.kind === 'intended' && nodes.some((node) => node.id === event.node && waitsForUndo(view, node))
  if (early) throw new IllegalTransition('rolling back', event.kind)
}

function hasBegun(node: NodeView | undefined): boolean {
  return node !== undefined && node.attempts.length > 0
}

function isOpen(node: NodeView | undefined): boolean {
  return node !== undefined && !terminalNodeStates.has(node.state)
}
