import type { Estate } from '#estate/estate.ts'
import type { EstateGraph } from '#estate/graph.ts'
import { orderOf } from '#estate/order.ts'
import type { Localized } from '#model/localized.ts'
import { leavesWith, type Choice } from './choose.ts'
import type { Recoverability } from './plan.ts'
import type { World } from './request.ts'

/** What can be said before anybody approves: whether each system will serve, and why not, or with what less. */
export interface Forecast {
  /** For every system of the choice. */
  verdicts: Map<string, { recoverability: Recoverability; why: Localized[] }>
  notes: Localized[]
}

/**
 * Follows the dependencies through the whole estate, prerequisites first: a system serves when all that it cannot
 * serve without is there, moves along, or is left out by this installation (which is said, not checked).
 */
export function forecastOf(
  estate: Estate,
  graph: EstateGraph,
  { moving, staying }: Choice,
  world: World,
  fromSite: string,
): Forecast {
  const moves = new Set(moving.map(({ id }) => id))
  const leftOut = new Set(estate.leftOut.map(({ id }) => id))
  /** Why a system will not serve; absent when it will. */
  const lost = new Map<string, Localized>()
  for (const id of orderOf(graph, graph.systems.keys()).waves.flat()) {
    const system = graph.systems.get(id)
    if (system === undefined || leftOut.has(id)) continue
    const gone = (graph.hard.get(id) ?? []).find((other) => lost.has(other))
    if (gone !== undefined) lost.set(id, missing(gone, lost))
    else if (!moves.has(id) && leavesWith(system, world) === fromSite)
      lost.set(id, staying.get(id) ?? { ko: '이 계획에 없음', en: 'it is lost and no part of this plan' })
  }
  const verdicts: Forecast['verdicts'] = new Map()
  for (const id of [...moves, ...staying.keys()]) {
    const why = lost.get(id)
    if (why !== undefined) verdicts.set(id, { recoverability: 'not-recoverable', why: [why] })
    else {
      const less = (graph.soft.get(id) ?? []).filter((other) => lost.has(other))
      const relied = [...(graph.hard.get(id) ?? []), ...(graph.soft.get(id) ?? [])].filter((other) =>
        leftOut.has(other),
      )
      verdicts.set(id, {
        recoverability: less.length > 0 ? 'limited' : 'full',
        why: [...limits(less), ...reliances(relied)],
      })
    }
  }
  return {
    verdicts,
    notes: [...recoverAlong(graph, moves, lost, leftOut), ...leftOutNotes(estate, graph, moves)],
  }
}

function missing(id: string, lost: ReadonlyMap<string, Localized>): Localized {
  const why = lost.get(id)
  return {
    ko: `필요한 ${id} 복구 불가 (${why?.ko ?? ''})`,
    en: `it needs ${id}, which will not serve (${why?.en ?? ''})`,
  }
}

function limits(less: readonly string[]): Localized[] {
  if (less.length === 0) return []
  const list = less.join(', ')
  return [{ ko: `${list} 없이 일부 기능만 운영`, en: `it serves with less, without ${list}` }]
}

function reliances(relied: readonly string[]): Localized[] {
  if (relied.length === 0) return []
  const list = relied.join(', ')
  return [
    {
      ko: `이 환경에서 제외된 ${list}에 의존하며 확인하지 않음`,
      en: `it relies on ${list}, left out by this installation and not checked`,
    },
  ]
}

/** Systems elsewhere that are down only because of what was lost: they come back by themselves. */
function recoverAlong(
  graph: EstateGraph,
  moves: ReadonlySet<string>,
  lost: ReadonlyMap<string, Localized>,
  leftOut: ReadonlySet<string>,
): Localized[] {
  const notes: Localized[] = []
  for (const [id, needs] of graph.hard) {
    if (moves.has(id) || leftOut.has(id) || lost.has(id)) continue
    const waits = needs.filter((other) => moves.has(other))
    if (waits.length === 0) continue
    const list = waits.join(', ')
    notes.push({
      ko: `${id}: 옮기지 않으며 ${list} 복구와 함께 회복`,
      en: `${id} does not move; it recovers when ${list} ${waits.length === 1 ? 'serves' : 'serve'} again`,
    })
  }
  return notes
}

function leftOutNotes(estate: Estate, graph: EstateGraph, moves: ReadonlySet<string>): Localized[] {
  return estate.leftOut.flatMap(({ id, why }) => {
    const dependents = [...(graph.neededBy.get(id) ?? []), ...(graph.wantedBy.get(id) ?? [])].filter(
      (other) => moves.has(other),
    )
    if (dependents.length === 0) return []
    const list = dependents.join(', ')
    return [
      {
        ko: `${id} 제외 (${why.ko}): ${list}에 필요`,
        en: `${id} is left out (${why.en}): needed by ${list}`,
      },
    ]
  })
}
