import { createScope } from '#expression/expression.ts'
import { isDeferred, type Deferred } from '#runbook/value-tree.ts'
import type { PlanNode } from './plan.ts'

/** Whether a node's input is made from what another node gives. One whose expressions cannot be read counts as one. */
export function readsOutputOf(node: PlanNode, other: string): boolean {
  return reads(node.with, node, other)
}

function reads(value: unknown, node: PlanNode, other: string): boolean {
  if (typeof value !== 'object' || value === null) return false
  if (!isDeferred(value)) return Object.values(value).some((inner) => reads(inner, node, other))
  return expressionReads(value, node, other) || reads(value.$let ?? {}, node, other)
}

function expressionReads({ $expr, $let = {}, $in }: Deferred, { system }: PlanNode, other: string): boolean {
  const within = $in ?? system
  try {
    const given = Object.fromEntries(Object.keys($let).map((name) => [name, 'dyn' as const]))
    const { references } = createScope({ steps: 'dyn', ...given }).compile($expr)
    return references.some(
      ([variable, step]) => variable === 'steps' && (step === undefined || `${within}/${step}` === other),
    )
  } catch {
    return true
  }
}
