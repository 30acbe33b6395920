import { digestOf } from '#model/digest.ts'
import { HaetaeError } from '#model/errors.ts'
import { instant } from '#model/time.ts'
import type { Runbook } from '#runbook/runbook.ts'
import { isOfFleet } from '#runbook/schema.ts'
import { catalogueDigest, digestsOf } from './assemble.ts'
import { failoverAssumptions } from './assumptions.ts'
import { leftBehind, whoMoves } from './failover.ts'
import { fleetDuration } from './fleet-duration.ts'
import { fleetNodes } from './fleet-nodes.ts'
import { inputsOf } from './inputs.ts'
import { neighboursOf } from './nodes.ts'
import { partFrom } from './part.ts'
import { sketchesOf, toldAtMost } from './part-drift.ts'
import { partsOf } from './parts.ts'
import type { Observed, OwnRun, Plan, PlanNode } from './plan.ts'
import type { EvacuationRequest } from './request.ts'

/**
 * Plans a fleet: the gates, and for each system that leaves a run of its own. Each system's plan is made as it will be
 * made again when its turn comes, and is in this plan by its digest: who signs this one, signs them all.
 * Throws what `planFailover` throws, and `runbook-unknown`.
 */
export function planEvacuation(request: EvacuationRequest): Plan {
  const runbook = fleetRunbook(request)
  const { graph, members, about, systems, notes } = whoMoves(request)
  const used = [runbook, ...new Set(members.map((member) => member.runbook))]
  const inputs = inputsOf(used, request.inputs ?? {})
  const neighbours = neighboursOf(graph, members)
  const runs = members.map((member) => {
    const part = partFrom(request, member, neighbours, inputs, false)
    const own: OwnRun = {
      kind: 'run',
      digest: part.digest,
      parts: partsOf(part.subject),
      ...(members.length > toldAtMost ? {} : { steps: sketchesOf(part.subject.nodes) }),
      prerequisites: [...(neighbours.needs.get(member.system.id) ?? [])],
    }
    return { ...member, own, nodes: part.subject.nodes, notes: leftBehind([member], part) }
  })
  const nodes = fleetNodes(runbook, runs, inputs)
  const subject: Plan['subject'] = {
    mode: 'failover',
    fromSite: request.fromSite,
    toSite: request.toSite,
    runbooks: digestsOf([runbook], request.runbooks),
    catalogue: catalogueDigest({ ...request, mode: 'failover' }, about),
    inputs,
    nodes,
    assumptions: failoverAssumptions(request, []),
  }
  const parts = new Map(runs.map((run) => [run.system.id, run.nodes]))
  return {
    digest: digestOf(subject),
    subject,
    systems,
    notes: [...notes, ...runs.flatMap((run) => run.notes)],
    observed: { at: instant(request.now), changes: {}, ...durationOf(request, nodes, parts) },
  }
}

function durationOf(
  { durations }: EvacuationRequest,
  nodes: readonly PlanNode[],
  parts: ReadonlyMap<string, readonly PlanNode[]>,
): Pick<Observed, 'forecast'> {
  if (durations === undefined) return {}
  return {
    forecast: { loss: {}, duration: fleetDuration(nodes, parts, durations.measured, durations.atOnce) },
  }
}

function fleetRunbook({ runbooks, runbook: name }: EvacuationRequest): Runbook {
  const runbook = runbooks.get(name)
  if (runbook !== undefined && isOfFleet(runbook.definition)) return runbook
  const fleets = [...runbooks.values()].filter(({ definition }) => isOfFleet(definition))
  throw new HaetaeError('runbook-unknown', `runbook ${name}`, {
    why:
      runbook === undefined
        ? { en: 'the catalogue has no such runbook', ko: '기준 정보에 없는 런북입니다' }
        : { en: 'it has no fleet step', ko: 'fleet 단계가 없는 런북입니다' },
    remedy: {
      en: `Name one for fleets: ${fleets.map(({ definition }) => definition.metadata.name).join(', ') || 'none is there'}.`,
      ko: `여러 시스템을 옮기는 런북: ${fleets.map(({ definition }) => definition.metadata.name).join(', ') || '없음'}`,
    },
  })
}
