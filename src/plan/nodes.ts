import type { System } from '#estate/estate.ts'
import type { EstateGraph } from '#estate/graph.ts'
import { needsWithin } from '#estate/order.ts'
import { HaetaeError } from '#model/errors.ts'
import type { Runbook } from '#runbook/runbook.ts'
import type { StepDefinition } from '#runbook/schema.ts'
import { expand, type Expansion } from './expand.ts'
import { policyGate } from './node.ts'
import type { PlanNode } from './plan.ts'
import type { PlanRequest } from './request.ts'
import { valuesOf } from './values.ts'

/** More nodes than this for one system are a mistake of a `foreach`, not a plan. */
const nodesAtMost = 2_000

/** A system of a plan, with the runbook that it goes through. */
export interface Member {
  system: System
  wave: number
  runbook: Runbook
}

/** The systems of a plan to each other. */
export interface Neighbours {
  /** Those of the same plan that a system cannot serve without. */
  needs: ReadonlyMap<string, readonly string[]>
  runbooks: ReadonlyMap<string, Runbook>
}

export function neighboursOf(graph: EstateGraph, members: readonly Member[]): Neighbours {
  return {
    needs: needsWithin(graph, new Set(members.map(({ system }) => system.id))),
    runbooks: new Map(members.map(({ system, runbook }) => [system.id, runbook])),
  }
}

/**
 * The flat graph: gates of the whole plan first, then every system's steps in the order of the waves.
 * Throws `plan-impossible` with every value that could not be made.
 */
export function nodesOf(
  request: PlanRequest,
  members: readonly Member[],
  neighbours: Neighbours,
  inputs: Record<string, unknown>,
): PlanNode[] {
  const gates = new Map<string, PlanNode>()
  const nodes: PlanNode[] = []
  const mistakes: string[] = []
  const counts = new Map<string, number>()
  const to: Expansion = {
    request,
    nodes,
    mistakes,
    prerequisites: (step, system) => prerequisitesOf(step, system, neighbours),
    take(system) {
      counts.set(system, (counts.get(system) ?? 0) + 1)
      if ((counts.get(system) ?? 0) > nodesAtMost)
        throw new HaetaeError('plan-impossible', system, {
          why: `its runbook becomes more than ${nodesAtMost} nodes`,
          remedy: 'Repeat fewer items, or move what is repeated into systems of its own.',
        })
    },
    rootGate: (node) => shareGate(gates, node),
  }
  const first = request.approved === true ? policyGate(request.mode) : undefined
  if (first !== undefined) gates.set(first.id, first)
  const before = first === undefined ? [] : [first.id]
  for (const { system, wave, runbook } of members) {
    const values = valuesOf(request, system, inputs)
    expand(
      {
        runbook,
        system,
        wave,
        prefix: system.id,
        values,
        entry: before,
        rootNeeds: before,
        group: undefined,
      },
      to,
    )
  }
  if (mistakes.length > 0)
    throw new HaetaeError('plan-impossible', `values of steps (${mistakes.length})`, {
      why: mistakes.slice(0, 20).join('\n'),
      remedy: 'Correct the inputs, the estate entries or the runbook, then plan again.',
    })
  return [...gates.values(), ...nodes]
}

/** A gate of several runbooks asks for as many people as the strictest of them. */
function shareGate(gates: Map<string, PlanNode>, node: PlanNode): void {
  const known = gates.get(node.id)
  if (known === undefined) gates.set(node.id, node)
  else if (known.gate !== null && node.gate !== null)
    known.gate.quorum = Math.max(known.gate.quorum, node.gate.quorum)
}

/** The named step of every system of the plan that this one cannot serve without. */
function prerequisitesOf(
  { id, prerequisites }: StepDefinition,
  system: string,
  { needs, runbooks }: Neighbours,
): string[] {
  if (prerequisites === undefined) return []
  return (needs.get(system) ?? []).map((other) => {
    const runbook = runbooks.get(other)
    if (
      runbook?.steps.some(
        ({ definition }) => definition.id === prerequisites && definition.when === undefined,
      ) !== true
    )
      throw new HaetaeError('plan-impossible', `${system}/${id}`, {
        why: `it waits for ${other}/${prerequisites}, and runbook ${runbook?.definition.metadata.name ?? '?'} has no such step for sure`,
      })
    return `${other}/${prerequisites}`
  })
}
