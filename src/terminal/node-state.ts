import type { NodeView, RunDetail } from '#api/schema/run.ts'

/** A part of a fleet that was taken back or canceled has failed for its fleet only: its own state says more. */
export function stateOf({ children }: Pick<RunDetail, 'children'>, node: NodeView): string {
  if (node.type !== 'run' || node.state !== 'failed') return node.state
  return children.find(({ systems }) => systems.includes(node.system ?? ''))?.state ?? node.state
}
