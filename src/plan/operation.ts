import type { System } from '#estate/estate.ts'
import { buildGraph, type EstateGraph } from '#estate/graph.ts'
import { orderOf } from '#estate/order.ts'
import { HaetaeError } from '#model/errors.ts'
import type { Localized } from '#model/localized.ts'
import type { Runbook } from '#runbook/runbook.ts'
import { assemble } from './assemble.ts'
import { operationAssumptions } from './assumptions.ts'
import { activeSiteOf } from './choose.ts'
import type { Plan } from './plan.ts'
import type { OperationRequest } from './request.ts'
import { targetsOf } from './values.ts'

/**
 * Resolves one runbook for systems that stay where they are: a routine change at the site where they are active.
 * Pure: the same request gives the same digest.
 * Throws `runbook-unknown`, `system-unknown`, `not-active-here`, `input-invalid`, `plan-impossible`.
 */
export function planOperation(request: OperationRequest): Plan {
  const runbook = runbookOf(request)
  const graph = buildGraph(request.estate.systems)
  const chosen = chooseActive(request, graph)
  const order = orderOf(
    graph,
    chosen.map(({ id }) => id),
  )
  const waveOf = (id: string) => order.places.get(id)?.wave ?? 1
  const systems = order.waves.flat().flatMap((id) => graph.systems.get(id) ?? [])
  const { site, approvedGrades = [], ...ground } = request
  const approved = systems.some(({ grade }) => approvedGrades.includes(grade))
  return assemble(
    { ...ground, mode: 'operation', toSite: site, approved },
    {
      graph,
      members: systems.map((system) => ({ system, runbook, wave: waveOf(system.id) })),
      about: systems.map(({ id }) => id),
      assumptions: operationAssumptions(request, systems),
      systems: systems.map((system) => {
        const { rtoMs, rpoMs } = targetsOf(request, system)
        return {
          system: system.id,
          wave: waveOf(system.id),
          why: [],
          rtoTargetMs: rtoMs,
          rpoTargetMs: system.components?.database === undefined ? null : rpoMs,
        }
      }),
      notes: systems.flatMap(({ id }) => neededNote(graph, id)),
    },
  )
}

function runbookOf({ runbooks, runbook: name }: OperationRequest): Runbook {
  const runbook = runbooks.get(name)
  if (runbook === undefined)
    throw new HaetaeError('runbook-unknown', `runbook ${name}`, {
      why: `the catalogue has ${[...runbooks.keys()].toSorted().join(', ')}`,
    })
  const { modes, part } = runbook.definition
  if (part === true)
    throw new HaetaeError('plan-impossible', `runbook ${name}`, {
      why: {
        en: 'it is only a part of other runbooks',
        ko: '다른 런북의 일부입니다',
      },
      remedy: {
        en: 'Run a runbook that calls it; see `haetae runbook show`.',
        ko: '이 런북을 부르는 런북을 실행하십시오. `haetae runbook show`를 확인하십시오.',
      },
    })
  if (modes.includes('operation')) return runbook
  throw new HaetaeError('plan-impossible', `runbook ${name}`, {
    why: {
      en: `it is for ${modes.join(', ')}, not for an operation`,
      ko: `용도가 ${modes.join(', ')}이며 operation이 아닙니다`,
    },
    remedy: modes.includes('failover')
      ? {
          en: 'Move systems with `haetae failover`; see the modes of runbooks with `haetae runbook show`.',
          ko: '정보시스템을 옮기려면 `haetae failover`를 쓰십시오. 런북의 용도는 `haetae runbook show`로 확인하십시오.',
        }
      : {
          en: 'See the modes of runbooks with `haetae runbook show`.',
          ko: '런북의 용도는 `haetae runbook show`로 확인하십시오.',
        },
  })
}

/** The named systems, all of which are active at the executing site. */
function chooseActive(request: OperationRequest, graph: EstateGraph): System[] {
  const { estate, site } = request
  const leftOut = new Map(estate.leftOut.map(({ id, why }) => [id, why]))
  return [...new Set(request.systems)].map((id) => {
    const system = graph.systems.get(id)
    if (system === undefined)
      throw new HaetaeError('system-unknown', id, { why: 'the estate does not register it' })
    const out = leftOut.get(id)
    if (out !== undefined)
      throw new HaetaeError('plan-impossible', id, {
        why: {
          en: `this installation leaves it out: ${out.en}`,
          ko: `이 환경에서 운영하지 않습니다: ${out.ko}`,
        },
      })
    const active = activeSiteOf(system, request.world)
    if (active !== site) throw notActiveHere(id, active, site)
    return system
  })
}

function notActiveHere(id: string, active: string, site: string): HaetaeError {
  const facts = { system: id, site: active, here: site }
  if (active === 'each')
    return new HaetaeError('not-active-here', `${id} at ${site}`, {
      why: {
        en: 'every site has its own, and none is the primary',
        ko: '센터마다 따로 있으며 운영 센터가 없습니다',
      },
      remedy: { en: 'Leave it out of --systems.', ko: '--systems에서 빼십시오.' },
      facts,
    })
  return new HaetaeError('not-active-here', `${id} at ${site}`, {
    why: {
      en: `the newest authority on record has it at ${active}`,
      ko: `기록된 최신 운영권은 ${active}에 있습니다`,
    },
    remedy: {
      en: `Ask the daemon of ${active}: --site ${active}.`,
      ko: `${active} 센터의 데몬에 요청하십시오: --site ${active}`,
    },
    facts,
  })
}

/** Who feels it when something is done to a system. */
function neededNote({ neededBy }: EstateGraph, id: string): Localized[] {
  const others = neededBy.get(id) ?? []
  if (others.length === 0) return []
  const list = others.join(', ')
  return [{ ko: `${list}: ${id} 없이는 운영할 수 없음`, en: `${list} cannot serve without ${id}` }]
}
