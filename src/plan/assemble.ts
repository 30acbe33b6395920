import type { Estate } from '#estate/estate.ts'
import type { EstateGraph } from '#estate/graph.ts'
import { digestOf } from '#model/digest.ts'
import { instant } from '#model/time.ts'
import { callOf } from '#runbook/link.ts'
import type { Runbook } from '#runbook/runbook.ts'
import { inputsOf } from './inputs.ts'
import { neighboursOf, nodesOf, type Member } from './nodes.ts'
import type { Plan } from './plan.ts'
import type { PlanRequest } from './request.ts'

/** What each mode decides by itself. */
interface Parts extends Pick<Plan, 'systems' | 'notes'> {
  graph: EstateGraph
  /** In the order in which their steps stand. */
  members: readonly Member[]
  /** Systems whose entries in the estate the plan rests on. */
  about: readonly string[]
  assumptions: Plan['subject']['assumptions']
}

/** Makes the plan of systems and runbooks that were chosen: inputs, flat graph, digest. Throws `input-invalid`, `plan-impossible`. */
export function assemble(request: PlanRequest, parts: Parts): Plan {
  const { mode, fromSite, toSite, runbooks } = request
  const { graph, members, about, assumptions, systems, notes } = parts
  const used = [...new Set(members.map(({ runbook }) => runbook))]
  const inputs = inputsOf(used, request.inputs ?? {})
  const subject: Plan['subject'] = {
    mode,
    ...(fromSite === undefined ? {} : { fromSite }),
    toSite,
    runbooks: digestsOf(used, runbooks),
    catalogue: catalogueDigest(request, about),
    inputs,
    nodes: nodesOf(request, members, neighboursOf(graph, members), inputs),
    assumptions,
  }
  const observed = { at: instant(request.now), changes: {} }
  return { digest: digestOf(subject), subject, systems, notes, observed }
}

/** The runbooks used and those that they call, each with the digest that it is pinned by. */
export function digestsOf(
  used: readonly Runbook[],
  library: PlanRequest['runbooks'],
): Record<string, string> {
  const found = new Set(used)
  for (const runbook of found)
    for (const { definition } of runbook.steps) {
      const called = library.get(callOf(definition)?.runbook ?? '')
      if (called !== undefined) found.add(called)
    }
  return Object.fromEntries([...found].map(({ definition, digest }) => [definition.metadata.name, digest]))
}

/** Over the entries of the systems that the plan is about, and what else of the estate decides about them. */
export function catalogueDigest({ estate }: PlanRequest, ids: readonly string[]): string {
  const at = placesIn(estate)
  const places = [...new Set(ids)].flatMap((id) => at.get(id) ?? []).toSorted((a, b) => a - b)
  return digestOf({
    systems: places.map((place) => estate.systems[place]),
    targets: estate.targets,
    leftOut: estate.leftOut.map(({ id }) => id),
  })
}

const knownPlaces = new WeakMap<Estate, ReadonlyMap<string, number>>()

/** Where each system stands in the estate; made once, because a fleet asks for each of its systems. */
function placesIn(estate: Estate): ReadonlyMap<string, number> {
  const places =
    knownPlaces.get(estate) ?? new Map(estate.systems.map(({ id }, place) => [id, place] as const))
  knownPlaces.set(estate, places)
  return places
}
