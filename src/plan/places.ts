import type { Bound, Expression } from '#expression/expression.ts'
import type { Runbook } from '#runbook/runbook.ts'
import type { StepDefinition } from '#runbook/schema.ts'
import { waits } from '#runbook/value-tree.ts'
import type { Frame } from './expand.ts'
import { expressionMistake } from './step-input.ts'

/** The nodes of gates at the root of a plan, which every system of it shares. */
export const rootGates = { approval: 'approve', attestation: 'attest' } as const

/** Where a step goes: a node of the whole plan, an own one, or nowhere. */
export type Place = { kind: 'root' | 'own'; id: string } | { kind: 'left-out' }
export type Places = ReadonlyMap<string, Place>

/** Where each step goes, or what is wrong. An approval that needs only approvals is the whole plan's. */
export function placesOf(
  { runbook, prefix, system, values }: Frame,
  bound: Bound,
): Map<string, Place> | string {
  const places = new Map<string, Place>()
  for (const { definition, gate, when } of runbook.steps) {
    const id = `${prefix}/${definition.id}`
    const holds = when === undefined || tryCondition(when, values, bound, id)
    if (typeof holds === 'string') return holds
    const atRoot =
      gate !== null &&
      prefix === system.id &&
      definition.needs.every((need) => places.get(need)?.kind === 'root')
    if (!holds) places.set(definition.id, { kind: 'left-out' })
    else if (!atRoot) places.set(definition.id, { kind: 'own', id })
    else
      places.set(definition.id, {
        kind: 'root',
        id: gate.purpose === 'attestation' ? rootGates.attestation : rootGates.approval,
      })
  }
  return places
}

function tryCondition(
  when: Expression,
  values: Record<string, unknown>,
  bound: Bound,
  id: string,
): boolean | string {
  if (waits(when, values))
    return `${id}: ${when.source}: a condition is decided when the plan is made, and this waits for outputs`
  try {
    return when.evaluate(bound) === true
  } catch (error) {
    return `${id}: ${expressionMistake(error)}`
  }
}

/** Nodes that a step needs; of a step that is left out, those that it would have needed. */
export function needsOf(step: StepDefinition, runbook: Runbook, places: Places): string[] {
  const found = new Set<string>()
  const look = (ids: readonly string[]) => {
    for (const id of ids) {
      const place = places.get(id)
      if (place?.kind === 'left-out')
        look(runbook.steps.find(({ definition }) => definition.id === id)?.definition.needs ?? [])
      else if (place !== undefined) found.add(place.id)
    }
  }
  look(step.needs)
  return [...found]
}
