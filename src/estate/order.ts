import type { Localized } from '#model/localized.ts'
import type { Estate, Grade } from './estate.ts'
import { cyclesOf, type EstateGraph } from './graph.ts'

/** A system's place in the order of recovery, and why it is there. */
export interface Place {
  system: string
  /** From 1. Everything that the system cannot serve without is in an earlier wave. */
  wave: number
  /** The most urgent grade among itself and those in the order that cannot serve without it. */
  priority: Grade
  why: Localized[]
}

export interface Order {
  /** Ids per wave, the most urgent first. */
  waves: string[][]
  places: Map<string, Place>
  /** Soft dependencies that the order does not keep, and soft cycles with the edge at which they were broken. */
  warnings: Localized[]
}

const urgency: Record<Grade, number> = { T0: 0, G1: 1, G2: 2, G3: 3, G4: 4 }

/**
 * The order in which a set of systems is recovered: foundation first, by hard dependencies, also by those that lead
 * through systems outside the set. A prerequisite inherits the priority of what needs it; within a wave priority,
 * then grade, then id decide. Soft dependencies order nothing, they warn. Ids that are not registered are ignored.
 * The graph has no hard cycle: loading refuses one; should there be one, its members come last, in the same wave.
 * Cost grows with systems plus dependencies.
 */
export function orderOf(graph: EstateGraph, ids: Iterable<string>): Order {
  const set = new Set([...ids].filter((id) => graph.systems.has(id)))
  const needs = needsWithin(graph, set)
  const { sequence, waveOf } = waves(needs)
  const heirs = priorities(graph, needs, sequence)
  const places = new Map<string, Place>()
  for (const id of sequence) places.set(id, placeOf(id, waveOf, needs, heirs, graph))
  const rank = (id: string) => urgency[places.get(id)?.priority ?? 'G4'] * 10 + urgency[gradeOf(graph, id)]
  const byWave: string[][] = []
  for (const id of sequence) (byWave[(waveOf.get(id) ?? 1) - 1] ??= []).push(id)
  for (const wave of byWave) wave.sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1))
  return { waves: byWave, places, warnings: softWarnings(graph, set, waveOf) }
}

function gradeOf(graph: EstateGraph, id: string): Grade {
  return graph.systems.get(id)?.grade ?? 'G4'
}

/**
 * For each system of the set (or those of it that are named in `of`), the nearest members of the set that it cannot serve without: its own hard
 * dependencies, and where one of these is outside the set, what that one needs in turn.
 */
export function needsWithin(
  graph: EstateGraph,
  set: ReadonlySet<string>,
  of: Iterable<string> = set,
): Map<string, string[]> {
  return new Map(
    [...of].map((id) => {
      const found = new Set<string>()
      const outside = new Set<string>()
      const look = (from: string) => {
        for (const other of graph.hard.get(from) ?? []) (set.has(other) ? found : outside).add(other)
      }
      look(id)
      for (const other of outside) look(other)
      found.delete(id)
      return [id, [...found]]
    }),
  )
}

/** Kahn's algorithm by levels. `sequence` has every prerequisite before what needs it. */
function waves(needs: Map<string, string[]>): { sequence: string[]; waveOf: Map<string, number> } {
  const waiting = new Map([...needs].map(([id, others]) => [id, others.length]))
  const neededBy = new Map<string, string[]>()
  for (const [id, others] of needs)
    for (const other of others) {
      const list = neededBy.get(other)
      if (list === undefined) neededBy.set(other, [id])
      else list.push(id)
    }
  const sequence: string[] = []
  const waveOf = new Map<string, number>()
  let level = [...needs.keys()].filter((id) => waiting.get(id) === 0)
  for (let wave = 1; level.length > 0; wave++) {
    const next: string[] = []
    for (const id of level) {
      sequence.push(id)
      waveOf.set(id, wave)
      for (const heir of neededBy.get(id) ?? []) {
        const left = (waiting.get(heir) ?? 0) - 1
        waiting.set(heir, left)
        if (left === 0) next.push(heir)
      }
    }
    level = next
  }
  const last = Math.max(0, ...new Set(waveOf.values())) + 1
  for (const id of needs.keys()) {
    if (waveOf.has(id)) continue
    sequence.push(id)
    waveOf.set(id, last)
  }
  return { sequence, waveOf }
}

interface Heir {
  priority: Grade
  /** From whom the priority came, when it is not its own. */
  from: string | undefined
}

/** Hands each system's priority down to what it needs, the last of the sequence first. */
function priorities(graph: EstateGraph, needs: Map<string, string[]>, sequence: string[]): Map<string, Heir> {
  const heirs = new Map<string, Heir>(
    sequence.map((id) => [id, { priority: gradeOf(graph, id), from: undefined }]),
  )
  for (const id of sequence.toReversed()) {
    const heir = heirs.get(id)
    for (const other of needs.get(id) ?? []) {
      const prerequisite = heirs.get(other)
      if (heir === undefined || prerequisite === undefined) continue
      if (urgency[heir.priority] < urgency[prerequisite.priority])
        heirs.set(other, { priority: heir.priority, from: heir.from ?? id })
    }
  }
  return heirs
}

function placeOf(
  id: string,
  waveOf: Map<string, number>,
  needs: Map<string, string[]>,
  heirs: Map<string, Heir>,
  graph: EstateGraph,
): Place {
  const wave = waveOf.get(id) ?? 1
  const { priority, from } = heirs.get(id) ?? { priority: gradeOf(graph, id), from: undefined }
  const list = (needs.get(id) ?? [])
    .toSorted((a, b) => (waveOf.get(b) ?? 0) - (waveOf.get(a) ?? 0) || (a < b ? -1 : 1))
    .map((other) => `${other}(${waveOf.get(other) ?? '?'})`)
    .join(', ')
  const why: Localized[] =
    list === ''
      ? [
          {
            ko: '함께 옮기는 시스템 가운데 필요한 것이 없어 첫 차수',
            en: 'needs none of the systems that move with it: first wave',
          },
        ]
      : [{ ko: `${list} 다음이어야 하므로 ${wave}차`, en: `needs ${list} first, by wave: so wave ${wave}` }]
  why.push(
    from === undefined
      ? { ko: `등급 ${priority}`, en: `grade ${priority}` }
      : {
          ko: `등급은 ${gradeOf(graph, id)}이나 ${from}에 필요하므로 우선순위 ${priority}`,
          en: `grade ${gradeOf(graph, id)}, but ${from} needs it: priority ${priority}`,
        },
  )
  return { system: id, wave, priority, why }
}

/** What the order does not keep of the soft dependencies among the set. */
function softWarnings(
  graph: EstateGraph,
  set: ReadonlySet<string>,
  waveOf: Map<string, number>,
): Localized[] {
  const warnings: Localized[] = []
  const all = new Map<string, string[]>()
  for (const id of set) {
    const soft = (graph.soft.get(id) ?? []).filter((other) => set.has(other))
    const hard = (graph.hard.get(id) ?? []).filter((other) => set.has(other))
    all.set(id, [...hard, ...soft])
    for (const other of soft)
      if ((waveOf.get(other) ?? 0) >= (waveOf.get(id) ?? 0))
        warnings.push({
          ko: `${id}: 선택 연계 ${other}보다 늦지 않게 열리므로 그때까지 일부 기능 없이 운영`,
          en: `${id} opens no later than ${other}, on which it depends softly, and serves with less until then`,
        })
  }
  for (const cycle of cyclesOf(all)) {
    const at = softEdgeOf(graph, cycle)
    warnings.push({
      ko: `순환 ${cycle.join(' → ')}: 선택 연계 ${at}에서 끊음`,
      en: `cycle ${cycle.join(' → ')}: broken at the soft dependency ${at}`,
    })
  }
  return warnings
}

function softEdgeOf(graph: EstateGraph, cycle: string[]): string {
  for (const [index, from] of cycle.entries()) {
    const to = cycle[index + 1]
    if (to !== undefined && graph.soft.get(from)?.includes(to) === true) return `${from} → ${to}`
  }
  return cycle.slice(0, 2).join(' → ')
}

/** A protected system that would stand at its recovery site without what it needs. */
export interface Unprotected {
  system: string
  recovery: string
  /** Hard dependencies that are neither at the recovery site nor can be moved there. */
  missing: string[]
}

/** The standing report: every protected system whose prerequisite is not protected. In the order of registration. */
export function unprotectedPrerequisites(estate: Pick<Estate, 'systems'>): Unprotected[] {
  const byId = new Map(estate.systems.map((system) => [system.id, system]))
  return estate.systems.flatMap(({ id, recovery, dependsOn }) => {
    if (recovery === undefined) return []
    const missing = dependsOn.hard.filter((other) => {
      const needed = byId.get(other)
      return (
        needed !== undefined &&
        ![needed.home, needed.recovery].some((site) => site === 'each' || site === recovery)
      )
    })
    return missing.length === 0 ? [] : [{ system: id, recovery, missing }]
  })
}
