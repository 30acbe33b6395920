import { readFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { loadEstate } from '#estate/load.ts'
import { digestOf } from '#model/digest.ts'
import { planEvacuation } from '#plan/evacuation.ts'
import { planFailover } from '#plan/failover.ts'
import { partDrift, toldAtMost } from '#plan/part-drift.ts'
import { partRequestOf, planPart, runsOf } from '#plan/part.ts'
import type { OwnRun, Plan, PlanNode } from '#plan/plan.ts'
import type { EvacuationRequest } from '#plan/request.ts'
import { lintRunbook, runbooksFrom } from '#runbook/load.ts'
import { stepTypes } from '#steps/index.ts'
import { syntheticEstate } from '../support/synthetic-estate.ts'

const root = new URL('../../', import.meta.url)
const pathOf = (name: string) => new URL(name, root).pathname
const estate = await loadEstate([pathOf('estate/estate.yaml'), pathOf('estate/lab.yaml')])
const context = { stepTypes, sites: ['daejeon', 'gwangju'] }
const sources = await Promise.all(
  ['failover-postgres-web', 'evacuate-site'].map(async (name) => ({
    file: `${name}.yaml`,
    text: await readFile(pathOf(`runbooks/${name}.yaml`), 'utf8'),
  })),
)
const request: EvacuationRequest = {
  estate,
  runbooks: runbooksFrom(sources, context),
  stepTypes,
  world: {
    active: (id) => ({ site: estate.systems.find((system) => system.id === id)?.home ?? '', epoch: 1 }),
  },
  fromSite: 'daejeon',
  toSite: 'gwangju',
  runbook: 'evacuate-site',
  now: 0,
}
const fleet = planEvacuation(request)
const nodeOf = (plan: Plan, id: string): PlanNode => {
  const found = plan.subject.nodes.find((node) => node.id === id)
  if (found === undefined) throw new Error(`no node ${id}`)
  return found
}
const ownRun = (plan: Plan, id: string) => nodeOf(plan, id).waitFor as OwnRun
const systems = ['AID', 'GPK', 'EPP', 'RRS', 'ONN', 'PIS', 'G2B', 'GOV', 'G4B']
/** The plan of a system as it is made when its turn comes. */
const atItsTurn = (system: string, changed: Partial<EvacuationRequest> = {}, ownGates = false) =>
  planPart({ ...request, ...changed, ...partRequestOf(fleet, nodeOf(fleet, system), ownGates) })

describe('the plan of a fleet', () => {
  test('has the gates, a run for each system in the order of recovery, and the node at which all have ended', () => {
    expect(fleet.subject.nodes.map(({ id }) => id)).toEqual(['approve', 'attest', ...systems, 'systems'])
    for (const system of systems)
      expect(nodeOf(fleet, system)).toMatchObject({
        needs: ['approve', 'attest'],
        group: 'systems',
        type: 'run',
      })
    expect(nodeOf(fleet, 'systems')).toMatchObject({
      after: systems,
      waitFor: { kind: 'fleet', ramp: [1, 2, 4], maxParallel: 100, maxFailures: 3 },
    })
    expect(ownRun(fleet, 'GOV').prerequisites.toSorted()).toEqual(['AID', 'GPK', 'PIS', 'RRS'])
    expect(fleet.systems).toEqual(planFailover(request).systems)
  })

  test('asks for as many people as the strictest runbook of its systems, whose gates it stands for', () => {
    const strict = sources.map(({ file, text }) => ({
      file,
      text: file.startsWith('failover') ? text.replace('quorum: 2', 'quorum: 3') : text,
    }))
    const made = planEvacuation({ ...request, runbooks: runbooksFrom(strict, context) })
    expect(nodeOf(made, 'approve').gate).toEqual({ purpose: 'failover', quorum: 3 })
    expect(nodeOf(made, 'attest').gate).toEqual({ purpose: 'attestation', quorum: 2 })
  })

  test('says how long it takes from what steps took before, beside the digest and not in it', () => {
    const measured = new Map([['pg.promote', { ms: 2_000, steps: 9, runs: 3 }]])
    const { digest, observed } = planEvacuation({ ...request, durations: { measured, atOnce: 128 } })
    expect(digest).toBe(fleet.digest)
    const { duration } = observed.forecast ?? {}
    expect(Object.keys(duration?.systems ?? {}).toSorted()).toEqual(systems.toSorted())
    expect(duration).toMatchObject({
      measured: { 'pg.promote': { ms: 2_000 } },
      fromLimits: expect.arrayContaining(['dns.switch']) as string[],
    })
    const { systems: ends = {}, ms } = duration ?? {}
    expect(ms).toBe(Math.max(...Object.values(ends)))
    // The first goes alone (the ramp), and who cannot serve without another ends after it.
    for (const other of systems.slice(1)) expect(ends[other], other).toBeGreaterThan(ends['AID'] ?? 0)
    expect(ends['GOV']).toBeGreaterThan(ends['GPK'] ?? 0)
    expect(fleet.observed.forecast).toBeUndefined()
  })

  test('covers the plan of every system by its digest, as it is made again when its turn comes', () => {
    for (const system of systems) expect(atItsTurn(system).digest, system).toBe(ownRun(fleet, system).digest)
    const later = { now: 1e12, world: { active: () => ({ site: 'daejeon', epoch: 1 }) } }
    expect(atItsTurn('GOV', later).digest).toBe(ownRun(fleet, 'GOV').digest)
    const { nodes } = fleet.subject
    const other = nodes.map((node) =>
      node.id === 'GOV' ? { ...node, waitFor: { ...ownRun(fleet, 'GOV'), digest: 'sha256:other' } } : node,
    )
    expect(digestOf({ ...fleet.subject, nodes: other })).not.toBe(fleet.digest)
  })

  test('does in its runs what one run would do, and waits for the same steps', () => {
    const whole = planFailover(request)
    const gates = new Set(['approve', 'attest'])
    const flat = whole.subject.nodes
      .filter(({ id }) => !gates.has(id))
      .map((node) => ({ ...node, needs: node.needs.filter((need) => !gates.has(need)) }))
    const inRuns = systems.flatMap((system) =>
      atItsTurn(system).subject.nodes.filter(({ waitFor }) => waitFor?.kind !== 'sibling'),
    )
    expect(inRuns).toEqual(flat)
    const waits = atItsTurn('GOV').subject.nodes.filter(({ waitFor }) => waitFor?.kind === 'sibling')
    expect(waits.map(({ id, waitFor }) => [id, waitFor])).toContainEqual([
      'AID/traffic',
      { kind: 'sibling', system: 'AID', node: 'AID/traffic' },
    ])
  })

  test('has its own gates in a run that the approvals of the fleet are not over', () => {
    const own = atItsTurn('GOV', {}, true)
    expect(own.subject.nodes.filter(({ gate }) => gate !== null).map(({ id }) => id)).toEqual([
      'approve',
      'attest',
    ])
    expect(nodeOf(own, 'GOV/fence').needs).toEqual(['approve', 'attest'])
    expect(own.digest).not.toBe(ownRun(fleet, 'GOV').digest)
  })

  test('tells what of a changed system differs: the value of the step, the authority, the runbook', () => {
    const entries = structuredClone(estate)
    const entry = entries.systems.find(({ id }) => id === 'ONN')?.components?.traffic
    expect(entry).toMatchObject({ ttlSeconds: 2 })
    Object.assign(entry ?? {}, { ttlSeconds: 60 })
    const own = ownRun(fleet, 'ONN')
    const told = partDrift(own, atItsTurn('ONN', { estate: entries }))
    expect(told.differs).toEqual([{ name: 'ONN/traffic with.ttlSeconds', approved: 2, now: 60 }])
    expect(told.changed.map(({ name }) => name)).toEqual(['catalogue', 'actions'])
    const taken = { world: { active: () => ({ site: 'daejeon', epoch: 2 }) } }
    expect(partDrift(own, atItsTurn('ONN', taken)).differs).toContainEqual({
      ...{ name: 'active.epoch', approved: 1, now: 2 },
    })
    const other = sources.map(({ file, text }) => ({ file, text: text.replace('quorum: 2', 'quorum: 3') }))
    const runbooks = runbooksFrom(other, context)
    expect(partDrift(own, atItsTurn('ONN', { runbooks })).differs.map(({ name }) => name)).toContain(
      'runbooks.failover-postgres-web',
    )
    expect(partDrift(own, atItsTurn('ONN'))).toEqual({ changed: [], differs: [] })
  })

  test('of a fleet so large that its plan holds no steps, the parts that differ are told', () => {
    const world = { active: () => ({ site: 'daejeon', epoch: 1 }) }
    const many = { ...request, world, estate: syntheticEstate(toldAtMost + 1) }
    const large = planEvacuation(many)
    const [first] = runsOf(large.subject.nodes)
    const own = ownRun(large, first?.id ?? '')
    expect(own.steps).toBeUndefined()
    const entries = structuredClone(many.estate)
    const entry = entries.systems.find(({ id }) => id === first?.id)?.components
    Object.assign(entry ?? {}, { probe: { path: '/other' } })
    const now = planPart({ ...many, estate: entries, ...partRequestOf(large, first as PlanNode, false) })
    const told = partDrift(own, now)
    expect(told.changed.map(({ name }) => name)).toEqual(['catalogue', 'actions'])
    expect(told.differs).toEqual([])
  })

  test('is another one for a system whose entry, runbook or authority changed, and the same for the others', () => {
    const withEntry = estate.systems.map((system) =>
      system.id === 'GOV' && system.components !== undefined
        ? { ...system, components: { ...system.components, probe: { path: '/other' } } }
        : system,
    )
    const changed = { estate: { ...estate, systems: withEntry } }
    expect(atItsTurn('GOV', changed).digest).not.toBe(ownRun(fleet, 'GOV').digest)
    for (const system of systems.filter((id) => id !== 'GOV'))
      expect(atItsTurn(system, changed).digest, system).toBe(ownRun(fleet, system).digest)
    const taken = { world: { active: () => ({ site: 'daejeon', epoch: 2 }) } }
    expect(atItsTurn('G4B', taken).digest).not.toBe(ownRun(fleet, 'G4B').digest)
  })

  test('says why a system cannot go any more', () => {
    const moved = { world: { active: () => ({ site: 'gwangju', epoch: 2 }) } }
    expect(() => atItsTurn('GOV', moved)).toThrow(
      expect.objectContaining({ code: 'already-active' }) as Error,
    )
  })

  test('names the runbooks of fleets when another one is asked for', () => {
    for (const runbook of ['none', 'failover-postgres-web'])
      expect(() => planEvacuation({ ...request, runbook })).toThrow(
        expect.objectContaining({
          code: 'runbook-unknown',
          remedy: 'Name one for fleets: evacuate-site.',
        }) as Error,
      )
  })
})

const text = sources[1]?.text ?? ''
const rulesOf = (changed: string) => lintRunbook(changed, 'r.yaml', context).map(({ rule }) => rule)
const step = (lines: string) => `${text}\n  - id: more\n    title: { ko: 더, en: More }\n${lines}`

test.each([
  ['what is right', text, []],
  ['a second fleet', step('    type: fleet\n    needs: [approve]'), ['fleet-once']],
  [
    'no approval before it',
    text.replace('needs: [approve, attest]', 'needs: [attest]'),
    ['approval-missing'],
  ],
  ['another mode', text.replace('modes: [failover]', 'modes: [failover, drill]'), ['fleet-mode']],
  [
    'a step of one system',
    step(
      '    type: k8s.wait\n    with: { site: here, namespace: a, workloads: [{ deployment: web, replicas: 1 }] }',
    ),
    ['fleet-alone'],
  ],
  ['a system, which it is about none of', text.replace('inputs.maxFailures', 'system.id'), ['expression']],
  ['a group greater than may go at once', text.replace('maxParallel: 100', 'maxParallel: 3'), ['ramp']],
  [
    'a deadline of its own',
    text.replace('type: fleet\n', 'type: fleet\n    timeout: { attempt: 1s, total: 1m }\n'),
    ['fleet-field'],
  ],
  ['an unknown field', text.replace('ramp: 1-2-4', 'ramps: 1-2-4'), ['unknown-field']],
] as const)('lint of a fleet: %s', (_, changed, rules) => {
  expect([...new Set(rulesOf(changed))]).toEqual(rules)
})
