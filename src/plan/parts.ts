import { digestOf } from '#model/digest.ts'
import type { Plan } from './plan.ts'

/** What the digest of a system's plan is made of: so that a changed one can be told from an unchanged one part by part. */
export function partsOf(subject: Plan['subject']): Record<string, unknown> {
  const { nodes, assumptions, runbooks, catalogue, inputs } = subject
  const active = assumptions.find(({ kind }) => kind === 'active-site')?.bound ?? null
  const untold = assumptions.some(({ kind, bound }) => kind === 'loss-bound' && bound['seconds'] === null)
  return {
    runbooks,
    catalogue,
    active,
    lossUntold: untold,
    inputs: digestOf(inputs),
    actions: digestOf(nodes),
    assumptions: digestOf(assumptions),
  }
}
