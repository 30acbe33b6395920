import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { evaluate } from '#monitor/evaluate.ts'
import type {
  Evaluation,
  Measure,
  Observations,
  SystemMeasures,
  VantageKind,
  VantageSight,
} from '#monitor/types.ts'

interface Scenario {
  name: string
  silence?: Record<string, Partial<Record<VantageKind, number>>>
  unavailable?: Record<string, VantageKind[]>
  faults?: Record<string, VantageKind[]>
  prometheus?: string
  measures?: Record<string, MeasureChange | null>
  replication?: Record<string, 'broken'>
  active?: Record<string, string | null>
  registeredOnly?: string[]
  lost?: Record<string, 'attestation' | 'fence'>
  expect: {
    sites?: Record<string, string>
    reasons?: Record<string, string[]>
    systems?: Record<string, string>
    causes?: Record<string, string[]>
  }
}
interface MeasureChange {
  scrape?: number
  ready?: number | null
  database?: number
  age?: number
  heartbeatAge?: number
  dependencies?: Record<string, number>
}

const now = Date.parse('2026-11-24T06:00:00Z')
const home: Record<string, string> = {
  AID: 'daejeon',
  GPK: 'daejeon',
  G2B: 'daejeon',
  PAT: 'gwangju',
  HTX: 'gwangju',
  UNI: 'gwangju',
}
const hard: Record<string, string[]> = { GPK: ['AID'], G2B: ['GPK'], PAT: ['AID'], HTX: ['AID', 'GPK'] }
const kinds: VantageKind[] = ['peer', 'prometheus', 'api-server', 'replication']

function world(scenario: Scenario): Observations {
  const active = { ...home, ...scenario.active }
  const ids = Object.keys(home)
  return {
    from: 'gwangju',
    at: now,
    sites: ['daejeon', 'gwangju'],
    prometheus: { answered: scenario.prometheus === undefined, why: scenario.prometheus ?? '' },
    systems: ids.map((id) => ({
      id,
      activeSite: active[id] ?? null,
      hard: hard[id] ?? [],
      registeredOnly: scenario.registeredOnly?.includes(id) ?? false,
    })),
    measures: Object.fromEntries(
      ids
        .filter((id) => scenario.measures?.[id] !== null)
        .map((id) => [id, { [active[id] ?? '']: measuresOf(id, scenario.measures?.[id] ?? {}) }]),
    ),
    replication: Object.fromEntries(
      Object.keys(scenario.replication ?? {}).map((id) => [
        id,
        { streaming: false, lagMs: null, silentMs: null },
      ]),
    ),
    sights: kinds.map((kind) => sightOf(kind, scenario)),
    lost: Object.fromEntries(Object.entries(scenario.lost ?? {}).map(([site, by]) => [site, { by }])),
  }
}

function measuresOf(id: string, change: MeasureChange): SystemMeasures {
  const ageMs = (change.age ?? 0.5) * 1000
  const of = (value: number): Measure => ({ value, ageMs })
  return {
    scrape: of(change.scrape ?? 1),
    ...(change.ready === null ? {} : { ready: of(change.ready ?? 1) }),
    database: of(change.database ?? 1),
    heartbeat: of(now / 1000 - (change.heartbeatAge ?? 1)),
    dependencies: Object.fromEntries(
      (hard[id] ?? []).map((dependency) => [dependency, of(change.dependencies?.[dependency] ?? 1)]),
    ),
  }
}

function sightOf(kind: VantageKind, scenario: Scenario): VantageSight {
  const site = 'daejeon'
  const silent = scenario.silence?.[site]?.[kind]
  const base = { site, kind, at: now, fault: false, silentMs: 0, why: '' }
  if (scenario.unavailable?.[site]?.includes(kind)) return { ...base, saw: 'unavailable' }
  if (scenario.faults?.[site]?.includes(kind)) return { ...base, saw: 'answer', fault: true, why: 'refused' }
  if (silent === undefined) return { ...base, saw: 'answer' }
  return { ...base, saw: 'silence', silentMs: silent * 1000, why: 'no answer' }
}

function conclusions(result: Evaluation): Scenario['expect'] {
  const code = (reason: { code: string; about?: string }): string =>
    reason.about === undefined ? reason.code : `${reason.code}:${reason.about}`
  return {
    sites: Object.fromEntries(result.sites.map((site) => [site.site, site.state])),
    reasons: Object.fromEntries(result.sites.map((site) => [site.site, site.reasons.map((r) => r.code)])),
    systems: Object.fromEntries(
      result.systems.map((system) => [system.system, [system.health, ...system.reasons.map(code)].join(' ')]),
    ),
    causes: Object.fromEntries(result.systems.map((system) => [system.system, system.causes])),
  }
}

const scenarios = parse(readFileSync(new URL('scenarios.yaml', import.meta.url), 'utf8')) as Scenario[]

describe('the monitor concludes', () => {
  test.each(scenarios.map((scenario) => [scenario.name, scenario] as const))('%s', (_name, scenario) => {
    expect(conclusions(evaluate(world(scenario)))).toMatchObject(scenario.expect)
  })

  test('never a loss from fewer than two independent silent vantage points, nor beside an answer', () => {
    const saw = fc.constantFrom<VantageSight['saw']>('answer', 'silence', 'unavailable')
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom(...kinds), saw, fc.nat(20_000))), (list) => {
        const sights = list.map(([kind, seen, silentMs]) => ({
          ...sightOf(kind, scenarios[0] as Scenario),
          saw: seen,
          silentMs,
        }))
        const result = evaluate({ ...world(scenarios[0] as Scenario), sights })
        const state = result.sites.find((site) => site.site === 'daejeon')?.state
        const silent = new Set(
          sights.filter((s) => s.saw === 'silence' && s.silentMs >= 3_000).map((s) => s.kind),
        )
        const enough = silent.size >= 2 && !sights.some((sight) => sight.saw === 'answer')
        expect(state === 'suspected-lost').toBe(enough)
        expect(state).not.toBe('lost')
      }),
    )
  })

  test('without a fresh answer of the system itself it is never down and never up', () => {
    fc.assert(
      fc.property(fc.constantFrom(0, 1), fc.integer({ min: 5_001, max: 1e6 }), (ready, ageMs) => {
        const base = world(scenarios[0] as Scenario)
        const stale = { scrape: { value: 1, ageMs }, ready: { value: ready, ageMs }, dependencies: {} }
        const result = evaluate({ ...base, measures: { UNI: { gwangju: stale } } })
        expect(result.systems.find((system) => system.system === 'UNI')?.health).toBe('unknown')
      }),
    )
  })
})
