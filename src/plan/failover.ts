import type { System } from '#estate/estate.ts'
import { buildGraph } from '#estate/graph.ts'
import { orderOf } from '#estate/order.ts'
import { digestOf } from '#model/digest.ts'
import { HaetaeError } from '#model/errors.ts'
import { instant } from '#model/time.ts'
import { callOf } from '#runbook/link.ts'
import type { Runbook } from '#runbook/runbook.ts'
import { assumptionsOf } from './assumptions.ts'
import { chooseSystems } from './choose.ts'
import { forecastOf } from './forecast.ts'
import { inputsOf } from './inputs.ts'
import { nodesOf } from './nodes.ts'
import type { Plan, SystemForecast } from './plan.ts'
import type { FailoverRequest } from './request.ts'
import { targetsOf } from './values.ts'

/**
 * Resolves the runbooks of the systems that a lost site takes along against the estate: which can go and which not,
 * in what order, with which steps and inputs, on what assumptions. Pure: the same request gives the same digest.
 * Cost grows with systems, their dependencies and their steps.
 * Throws `site-unknown`, `system-unknown`, `already-active`, `input-invalid`, `plan-impossible`.
 */
export function planFailover(request: FailoverRequest): Plan {
  const { estate, runbooks, world, fromSite, toSite } = request
  const graph = buildGraph(estate.systems)
  const choice = chooseSystems(request)
  const forecast = forecastOf(estate, graph, choice, world, fromSite)
  const able = choice.moving.filter(
    ({ id }) => forecast.verdicts.get(id)?.recoverability !== 'not-recoverable',
  )
  if (able.length === 0) throw noneRecoverable(request, forecast.verdicts)
  const order = orderOf(
    graph,
    able.map(({ id }) => id),
  )
  const moving = order.waves.flat().flatMap((id) => {
    const system = graph.systems.get(id)
    const runbook = runbooks.get(system?.runbook ?? '')
    return system === undefined || runbook === undefined
      ? []
      : [{ system, runbook, wave: order.places.get(id)?.wave ?? 1 }]
  })
  const used = [...new Set(moving.map(({ runbook }) => runbook))]
  const inputs = inputsOf(used, request.inputs ?? {})
  const subject: Plan['subject'] = {
    mode: 'failover',
    fromSite,
    toSite,
    runbooks: digestsOf(used, runbooks),
    catalogue: catalogueDigest(request, [...choice.moving.map(({ id }) => id), ...choice.staying.keys()]),
    inputs,
    nodes: nodesOf(request, graph, moving, inputs),
    assumptions: assumptionsOf(
      request,
      moving.map(({ system }) => system),
    ),
  }
  const forecasts = [
    ...moving.map(({ system }) => system),
    ...unable(choice.moving, choice.staying, graph.systems, able),
  ]
  return {
    digest: digestOf(subject),
    subject,
    systems: forecasts.map((system): SystemForecast => {
      const place = order.places.get(system.id)
      const { rtoMs, rpoMs } = targetsOf(request, system)
      const verdict = forecast.verdicts.get(system.id)
      return {
        system: system.id,
        wave: place?.wave ?? 0,
        recoverability: verdict?.recoverability ?? 'not-recoverable',
        why: [...(place?.why ?? []), ...givenByLab(system), ...(verdict?.why ?? [])],
        rtoTargetMs: rtoMs,
        rpoTargetMs: rpoMs,
      }
    }),
    notes: [...forecast.notes, ...order.warnings],
    observed: { at: instant(request.now), changes: {} },
  }
}

/** Systems of the choice that no step moves, in the order of registration. */
function unable(
  moving: readonly System[],
  staying: ReadonlyMap<string, unknown>,
  systems: ReadonlyMap<string, System>,
  able: readonly System[],
): System[] {
  const goes = new Set(able)
  return [
    ...moving.filter((system) => !goes.has(system)),
    ...[...staying.keys()].flatMap((id) => systems.get(id) ?? []),
  ]
}

function givenByLab({ recovery, recoveryGivenByLab }: System) {
  return recoveryGivenByLab === true
    ? [
        {
          ko: `재해복구 센터 ${recovery ?? ''}은 실습 환경이 정한 것이며 현황에는 없음`,
          en: `the lab gives it the recovery site ${recovery ?? ''}; the estate has none`,
        },
      ]
    : []
}

/** The runbooks used and those that they call, each with the digest that it is pinned by. */
function digestsOf(used: readonly Runbook[], library: FailoverRequest['runbooks']): Record<string, string> {
  const found = new Set(used)
  for (const runbook of found)
    for (const { definition } of runbook.steps) {
      const called = library.get(callOf(definition)?.runbook ?? '')
      if (called !== undefined) found.add(called)
    }
  return Object.fromEntries([...found].map(({ definition, digest }) => [definition.metadata.name, digest]))
}

/** Over the entries of the systems that the plan is about, and what else of the estate decides about them. */
function catalogueDigest({ estate }: FailoverRequest, ids: readonly string[]): string {
  const named = new Set(ids)
  return digestOf({
    systems: estate.systems.filter(({ id }) => named.has(id)),
    targets: estate.targets,
    leftOut: estate.leftOut.map(({ id }) => id),
  })
}

function noneRecoverable(
  { fromSite, toSite }: FailoverRequest,
  verdicts: ReadonlyMap<string, { why: { en: string }[] }>,
): HaetaeError {
  return new HaetaeError('plan-impossible', `a failover from ${fromSite} to ${toSite}`, {
    why: [...verdicts].map(([id, { why }]) => `${id}: ${why.map(({ en }) => en).join('; ')}`).join('\n'),
  })
}
