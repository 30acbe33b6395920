import { digestOf } from '#model/digest.ts'
import { HaetaeError } from '#model/errors.ts'
import type { Plan, PlanNode } from '#plan/plan.ts'
import type { AnyStepType } from '#runbook/step-type.ts'
import type { Question } from './state/events.ts'

/** Systems that a run of this plan holds. Those of a fleet are held by their own runs. */
export function systemsOf(plan: Plan): string[] {
  const systems = plan.subject.nodes.flatMap(({ system, waitFor }) =>
    system === null || waitFor?.kind === 'run' ? [] : [system],
  )
  return [...new Set(systems)].toSorted()
}

/**
 * Refuses a plan that cannot be run as it stands.
 * Throws `plan-altered` when it is not what its digest says, `plan-impossible` when its graph or its types are wrong.
 */
export function assertRunnable(plan: Plan, types: ReadonlyMap<string, AnyStepType>): void {
  if (plan.digest !== digestOf(plan.subject)) {
    throw new HaetaeError('plan-altered', 'the plan', { facts: { digest: plan.digest } })
  }
  const why = [...graphMistakes(plan.subject.nodes), ...typeMistakes(plan.subject.nodes, types)]
  if (why.length > 0) throw new HaetaeError('plan-impossible', 'the plan', { why: why.join('; ') })
}

function graphMistakes(nodes: readonly PlanNode[]): string[] {
  const ids = new Set(nodes.map((node) => node.id))
  const mistakes = ids.size === nodes.length ? [] : ['two steps have one id']
  for (const node of nodes) {
    const unknown = waitsFor(node).filter((need) => !ids.has(need))
    if (unknown.length > 0) mistakes.push(`${node.id} needs ${unknown.join(', ')}, which is not there`)
  }
  return mistakes.length > 0 ? mistakes : cycleMistakes(nodes)
}

function waitsFor({ needs, after = [] }: PlanNode): string[] {
  return [...needs, ...after]
}

/** Takes away what needs nothing that is left, until nothing more can be taken: what stays is in a cycle or behind one. */
function cycleMistakes(nodes: readonly PlanNode[]): string[] {
  const missing = new Map(nodes.map((node) => [node.id, new Set(waitsFor(node)).size]))
  const dependents = new Map<string, string[]>(nodes.map((node) => [node.id, []]))
  for (const node of nodes) for (const need of new Set(waitsFor(node))) dependents.get(need)?.push(node.id)
  const free = nodes.filter((node) => missing.get(node.id) === 0).map((node) => node.id)
  for (const id of free) {
    missing.delete(id)
    for (const dependent of dependents.get(id) ?? []) {
      const left = (missing.get(dependent) ?? 0) - 1
      missing.set(dependent, left)
      if (left === 0) free.push(dependent)
    }
  }
  return missing.size === 0 ? [] : [`these steps need one another: ${[...missing.keys()].join(', ')}`]
}

function typeMistakes(nodes: readonly PlanNode[], types: ReadonlyMap<string, AnyStepType>): string[] {
  return nodes.flatMap((node) => {
    if (node.gate !== null || node.waitFor !== undefined) return []
    const type = types.get(node.type)
    if (type === undefined) return [`${node.id} is of type ${node.type}, which is not there`]
    if (type.version !== node.typeVersion) {
      return [`${node.id} was planned with ${node.type} ${node.typeVersion}; here it is ${type.version}`]
    }
    return type.needsAuthority !== false && node.system === null
      ? [`${node.id} needs authority over no system`]
      : []
  })
}

/** A decision that nothing waits for. */
export function nothingToDecide(
  runId: string,
  node: string | null,
  decision: string,
  asked: Question | null,
): HaetaeError {
  const what = node === null ? `run ${runId}` : `${node} of run ${runId}`
  const why =
    asked === null ? 'it asks nothing' : `it takes ${asked.choices.join(', ')} for an answer, not ${decision}`
  return new HaetaeError('nothing-to-decide', what, { why, facts: { choices: asked?.choices ?? [] } })
}
