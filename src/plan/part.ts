import { buildGraph } from '#estate/graph.ts'
import { needsWithin } from '#estate/order.ts'
import { digestOf } from '#model/digest.ts'
import { instant } from '#model/time.ts'
import type { Runbook } from '#runbook/runbook.ts'
import { catalogueDigest, digestsOf } from './assemble.ts'
import { failoverAssumptions } from './assumptions.ts'
import { chooseSystems } from './choose.ts'
import { targetsAt } from './failover.ts'
import { inputsOf } from './inputs.ts'
import { gateLimits } from './node.ts'
import { nodesOf, type Member, type Neighbours } from './nodes.ts'
import type { Plan, PlanNode } from './plan.ts'
import type { FailoverRequest, PartRequest, PartsRequest, PlanRequest } from './request.ts'

/**
 * The plan of one system of a fleet, as it is now. Pure: what made the same plan when the fleet was planned makes it
 * again. Throws what `planFailover` throws.
 */
export function planPart({ system, wave, ...request }: PartRequest): Plan {
  const [plan] = planParts({ ...request, systems: [{ system, wave }] })
  if (plan === undefined) throw new Error(`${system} was chosen and is not there`)
  return plan
}

/** The plans of several systems of a fleet. Throws what `planFailover` throws. */
export function planParts({ systems, ...request }: PartsRequest): Plan[] {
  const { estate, runbooks, fleet, ownGates, inputs = {} } = request
  const ids = systems.map(({ system }) => system)
  const moving = new Map(chooseSystems({ ...request, systems: ids }).moving.map((one) => [one.id, one]))
  const graph = buildGraph(estate.systems)
  const runbookOf = (system: string) => runbooks.get(graph.systems.get(system)?.runbook ?? '')
  const needs = needsWithin(graph, new Set(fleet), ids)
  const others = [...new Set([...needs.values()].flat())].flatMap((other): [string, Runbook][] => {
    const found = runbookOf(other)
    return found === undefined ? [] : [[other, found]]
  })
  const neighbours = { needs, runbooks: new Map(others) }
  return systems.flatMap(({ system: id, wave }) => {
    const [system, runbook] = [moving.get(id), runbookOf(id)]
    return system === undefined || runbook === undefined
      ? []
      : [partFrom(request, { system, wave, runbook }, neighbours, inputs, ownGates)]
  })
}

/** What is asked for the plan of a system of a fleet: nothing but the fleet's plan decides. */
export function partRequestOf(fleet: Plan, node: PlanNode, ownGates: boolean) {
  const { systems: _, ...request } = partsRequestOf(fleet, [node], ownGates)
  return { ...request, system: node.system ?? '', wave: node.wave }
}

/** The same for several of its systems. */
export function partsRequestOf({ subject }: Plan, nodes: readonly PlanNode[], ownGates: boolean) {
  const { fromSite = '', toSite, inputs } = subject
  return {
    ...{ fromSite, toSite, inputs, ownGates },
    systems: nodes.map(({ system, wave }) => ({ system: system ?? '', wave })),
    fleet: runsOf(subject.nodes).flatMap(({ system }) => system ?? []),
    lossUntold: nodes.filter(isUntold).flatMap(({ system }) => system ?? []),
  }
}

/** The nodes of a fleet that stand for the runs of its systems. */
export function runsOf(nodes: readonly PlanNode[]): PlanNode[] {
  return nodes.filter(({ waitFor }) => waitFor?.kind === 'run')
}

/** Whether the plan of a system was approved without a bound of its loss. */
export function isUntold({ waitFor }: PlanNode): boolean {
  return waitFor?.kind === 'run' && waitFor.parts['lossUntold'] === true
}

/**
 * The plan of a system that moves. The gates at its beginning are those of the fleet; for a step of another system it
 * waits in a node by the name of that step.
 */
export function partFrom(
  request: Omit<FailoverRequest, 'systems'>,
  member: Member,
  neighbours: Neighbours,
  given: Readonly<Record<string, unknown>>,
  ownGates: boolean,
): Plan {
  const { system, runbook, wave } = member
  const whole: PlanRequest = { ...request, mode: 'failover' }
  const declared = Object.keys(runbook.definition.inputs).filter((name) => Object.hasOwn(given, name))
  const inputs = inputsOf([runbook], Object.fromEntries(declared.map((name) => [name, given[name]])))
  const made = nodesOf(whole, [member], neighbours, inputs)
  const isRoot = ({ system: of, gate }: PlanNode) => of === null && gate !== null
  const gates = new Set(ownGates ? [] : made.filter(isRoot).map(({ id }) => id))
  const nodes = made
    .filter(({ id }) => !gates.has(id))
    .map((node) => ({ ...node, needs: node.needs.filter((need) => !gates.has(need)) }))
  const subject: Plan['subject'] = {
    mode: 'failover',
    part: true,
    fromSite: request.fromSite,
    toSite: request.toSite,
    runbooks: digestsOf([runbook], request.runbooks),
    catalogue: catalogueDigest(whole, [system.id]),
    inputs,
    nodes: [...siblingsOf(nodes), ...nodes],
    assumptions: failoverAssumptions(request, [system]),
  }
  return {
    digest: digestOf(subject),
    subject,
    systems: [{ ...targetsAt(request, system), wave, recoverability: 'full', why: [] }],
    notes: [],
    observed: { at: instant(request.now), changes: {} },
  }
}

/** A node for each step of other systems that a step needs. */
function siblingsOf(nodes: readonly PlanNode[]): PlanNode[] {
  const own = new Set(nodes.map(({ id }) => id))
  const others = new Set(nodes.flatMap(({ needs }) => needs.filter((need) => !own.has(need))))
  return [...others].map((id): PlanNode => {
    const system = id.slice(0, id.indexOf('/'))
    return {
      id,
      system: null,
      title: { ko: `${system}의 실행에서 기다림`, en: `Wait for it in the run of ${system}` },
      type: 'sibling',
      typeVersion: 0,
      with: {},
      gate: null,
      needs: [],
      waitFor: { kind: 'sibling', system, node: id },
      limits: gateLimits,
      verify: null,
      wave: 0,
    }
  })
}
