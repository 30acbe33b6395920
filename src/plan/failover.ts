import type { System } from '#estate/estate.ts'
import { buildGraph, type EstateGraph } from '#estate/graph.ts'
import { orderOf } from '#estate/order.ts'
import { HaetaeError } from '#model/errors.ts'
import type { Localized } from '#model/localized.ts'
import { assemble } from './assemble.ts'
import { failoverAssumptions } from './assumptions.ts'
import { chooseSystems } from './choose.ts'
import { forecastOf } from './forecast.ts'
import type { Member } from './nodes.ts'
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
  const who = whoMoves(request)
  const moving = who.members.map(({ system }) => system)
  const plan = assemble(
    { ...request, mode: 'failover' },
    { ...who, assumptions: failoverAssumptions(request, moving) },
  )
  return { ...plan, notes: [...plan.notes, ...leftBehind(who.members, plan)] }
}

/** Who moves in which order, and what can be said of each before anybody approves. */
export interface WhoMoves extends Pick<Plan, 'systems' | 'notes'> {
  graph: EstateGraph
  /** In the order of recovery. */
  members: Member[]
  /** All systems of the choice: those that stay too. */
  about: string[]
}

/** Chooses and orders the systems. Throws `site-unknown`, `system-unknown`, `already-active`, `plan-impossible`. */
export function whoMoves(request: FailoverRequest): WhoMoves {
  const { estate, runbooks, world, fromSite } = request
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
  const members = order.waves.flat().flatMap((id): Member[] => {
    const system = graph.systems.get(id)
    const runbook = runbooks.get(system?.runbook ?? '')
    return system === undefined || runbook === undefined
      ? []
      : [{ system, runbook, wave: order.places.get(id)?.wave ?? 1 }]
  })
  const staying = unable(choice.moving, choice.staying, graph.systems, able)
  return {
    graph,
    members,
    about: [...choice.moving.map(({ id }) => id), ...choice.staying.keys()],
    systems: [...members.map(({ system }) => system), ...staying].map((system): SystemForecast => {
      const place = order.places.get(system.id)
      const verdict = forecast.verdicts.get(system.id)
      return {
        ...targetsAt(request, system),
        wave: place?.wave ?? 0,
        recoverability: verdict?.recoverability ?? 'not-recoverable',
        why: [...(place?.why ?? []), ...givenByLab(system), ...(verdict?.why ?? [])],
      }
    }),
    notes: [...forecast.notes, ...order.warnings],
  }
}

/** A system and what it is measured by. */
export function targetsAt(request: Pick<FailoverRequest, 'estate'>, system: System) {
  const { rtoMs, rpoMs } = targetsOf(request, system)
  const keepsData = system.components?.database !== undefined
  return { system: system.id, rtoTargetMs: rtoMs, rpoTargetMs: keepsData ? rpoMs : null }
}

/** A runbook for systems that keep no data, named by one that does: said before anybody signs. */
export function leftBehind(members: readonly Member[], { subject: { nodes } }: Plan): Localized[] {
  const promoted = new Set(nodes.filter(({ type }) => type === 'pg.promote').map(({ system }) => system))
  return members.flatMap(({ system: { id, components }, runbook }) => {
    if (components?.database === undefined || promoted.has(id)) return []
    const { name } = runbook.definition.metadata
    return [
      {
        ko: `${id}에 데이터베이스가 있으나 런북 ${name}에는 승격 단계가 없음: 데이터를 쓸 수 없음`,
        en: `${id} has a database, and no step of ${name} promotes it: it will not take data`,
      },
    ]
  })
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

function noneRecoverable(
  { fromSite, toSite }: FailoverRequest,
  verdicts: ReadonlyMap<string, { why: { en: string }[] }>,
): HaetaeError {
  return new HaetaeError('plan-impossible', `a failover from ${fromSite} to ${toSite}`, {
    why: [...verdicts].map(([id, { why }]) => `${id}: ${why.map(({ en }) => en).join('; ')}`).join('\n'),
  })
}
