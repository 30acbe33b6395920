import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Grade, System } from './estate.ts'
import { buildGraph, cyclesOf, impactOf, reachable } from './graph.ts'
import { loadEstate } from './load.ts'
import { orderOf, unprotectedPrerequisites } from './order.ts'

const estate = await loadEstate([fileURLToPath(new URL('../../estate/estate.yaml', import.meta.url))])
const graph = buildGraph(estate.systems)
const grades: Grade[] = ['T0', 'G1', 'G2', 'G3', 'G4']
const drill = ['G2B', 'GOV', 'EPP', 'G4B', 'ONN', 'PIS', 'RRS', 'GPK', 'AID']

function system(id: string, hard: string[] = [], soft: string[] = [], grade: Grade = 'G2'): System {
  return { id, name: { ko: id, en: id }, owner: 'X', grade, home: 'daejeon', dependsOn: { hard, soft } }
}

/** Estates without hard cycles: a system needs only earlier ones; soft dependencies go anywhere. */
const anyEstate = fc.integer({ min: 1, max: 40 }).chain((count) =>
  fc
    .tuple(
      ...Array.from({ length: count }, (_, index) =>
        fc.record({
          hard: index === 0 ? fc.constant<number[]>([]) : fc.uniqueArray(fc.nat(index - 1), { maxLength: 4 }),
          soft: fc.uniqueArray(fc.nat(count - 1), { maxLength: 2 }),
          grade: fc.constantFrom(...grades),
          chosen: fc.boolean(),
        }),
      ),
    )
    .map((entries) => ({
      systems: entries.map(({ hard, soft, grade }, index) =>
        system(
          `S${index}`,
          hard.map((n) => `S${n}`),
          soft.filter((n) => n !== index).map((n) => `S${n}`),
          grade,
        ),
      ),
      chosen: entries.flatMap(({ chosen }, index) => (chosen ? [`S${index}`] : [])),
    })),
)

describe('the order of recovery', () => {
  test('of the nine systems of Daejeon: foundation, then by dependency, grades break ties', () => {
    const order = orderOf(graph, drill)
    expect(order.waves).toEqual([['AID', 'GPK'], ['EPP', 'RRS', 'ONN'], ['PIS'], ['G2B', 'GOV', 'G4B']])
    expect(order.places.get('GOV')?.why[0]?.en).toBe(
      'needs PIS(3), RRS(2), AID(1), GPK(1) first, by wave: so wave 4',
    )
    expect(order.places.get('AID')?.why[0]?.en).toContain('first wave')
  })

  test('a prerequisite inherits the priority of what needs it: ADR (G3) goes with E19 (G1)', () => {
    const { waves, places } = orderOf(graph, ['ADR', 'PFN', 'E19', 'LAW'])
    expect(waves).toEqual([['LAW', 'ADR', 'PFN'], ['E19']])
    expect(places.get('ADR')).toMatchObject({ priority: 'G1', wave: 1 })
    expect(places.get('ADR')?.why[1]?.en).toBe('grade G3, but E19 needs it: priority G1')
  })

  test('soft dependencies only warn, and a soft cycle is broken and said so', () => {
    const { waves, warnings } = orderOf(graph, ['PMS', 'UNI'])
    expect(waves).toEqual([['UNI', 'PMS']])
    expect(warnings.map(({ en }) => en)).toContain(
      'cycle PMS → UNI → PMS: broken at the soft dependency PMS → UNI',
    )
  })

  test('a need that leads through a system outside the set still orders', () => {
    const chain = buildGraph([system('AA'), system('BB', ['AA']), system('CC', ['BB'])])
    expect(orderOf(chain, ['CC', 'AA']).waves).toEqual([['AA'], ['CC']])
  })

  test('keeps every hard dependency, places everyone once, and gives no one a less urgent prerequisite', () => {
    fc.assert(
      fc.property(anyEstate, ({ systems, chosen }) => {
        const all = buildGraph(systems)
        const { waves, places } = orderOf(all, chosen)
        expect(waves.flat().toSorted()).toEqual(chosen.toSorted())
        for (const id of chosen)
          for (const other of reachable(all.hard, id)) {
            const needed = places.get(other)
            if (needed === undefined) continue
            expect(needed.wave).toBeLessThan(places.get(id)?.wave ?? 0)
            expect(grades.indexOf(needed.priority)).toBeLessThanOrEqual(
              grades.indexOf(places.get(id)?.priority ?? 'T0'),
            )
          }
        for (const [index, wave] of waves.entries())
          for (const id of wave)
            expect(
              index === 0 || reachable(all.hard, id).some((other) => waves[index - 1]?.includes(other)),
            ).toBe(true)
      }),
    )
  })

  test('does not depend on the order in which systems are registered or named', () => {
    fc.assert(
      fc.property(anyEstate, ({ systems, chosen }) => {
        const there = orderOf(buildGraph(systems), chosen)
        const back = orderOf(buildGraph(systems.toReversed()), chosen.toReversed())
        expect(back.waves).toEqual(there.waves)
      }),
    )
  })
})

describe('the graph', () => {
  test('shows one path for each knot of a cycle, however long the chain that leads there', () => {
    const chain = Array.from({ length: 20_000 }, (_, n) => system(`S${n}`, n === 0 ? [] : [`S${n - 1}`]))
    expect(cyclesOf(buildGraph(chain).hard)).toEqual([])
    const closed = [...chain.slice(1), system('S0', ['S2'])]
    expect(cyclesOf(buildGraph(closed).hard)).toEqual([['S0', 'S2', 'S1', 'S0']])
  })

  test('finds a cycle exactly where a system can reach itself', () => {
    const edges = fc.array(fc.tuple(fc.nat(8), fc.nat(8)), { maxLength: 20 })
    fc.assert(
      fc.property(edges, (pairs) => {
        const systems = Array.from({ length: 9 }, (_, n) =>
          system(`S${n}`, [...new Set(pairs.filter(([from]) => from === n).map(([, to]) => `S${to}`))]),
        )
        const { hard } = buildGraph(systems)
        const inCycle = systems.some(({ id }) =>
          (hard.get(id) ?? []).some((next) => next === id || reachable(hard, next).includes(id)),
        )
        const cycles = cyclesOf(hard)
        expect(cycles.length > 0).toBe(inCycle)
        for (const cycle of cycles) {
          expect(cycle.at(-1)).toBe(cycle[0])
          for (const [index, from] of cycle.slice(0, -1).entries())
            expect(hard.get(from)).toContain(cycle[index + 1])
        }
      }),
    )
  })

  test('tells who is down and who serves with less when a system is gone', () => {
    const { down, limited } = impactOf(graph, 'AID')
    expect(down).toEqual(expect.arrayContaining(['GOV', 'HTX', 'PAT', 'EPP', 'NSS']))
    expect(down).not.toContain('GPK')
    expect(limited).toContain('PIS')
    expect(limited).not.toContain('GOV')
  })
})

test('the standing list: RRS, GOV, MID, KJM and G2B are protected, and what they need is not', () => {
  expect(unprotectedPrerequisites(estate)).toEqual([
    { system: 'RRS', recovery: 'gwangju', missing: ['GPK', 'STO'] },
    { system: 'GOV', recovery: 'gwangju', missing: ['AID', 'PIS', 'GPK'] },
    { system: 'MID', recovery: 'gwangju', missing: ['AID'] },
    { system: 'KJM', recovery: 'gwangju', missing: ['GPK'] },
    { system: 'G2B', recovery: 'gwangju', missing: ['GPK', 'PIS'] },
  ])
})
