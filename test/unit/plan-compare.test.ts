import { readFile } from 'node:fs/promises'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { diffPlans } from '#client/plan-diff.ts'
import { replanner } from '#daemon/replan.ts'
import type { Estate } from '#estate/estate.ts'
import { loadEstate } from '#estate/load.ts'
import { driftOf } from '#plan/drift.ts'
import { planFailover } from '#plan/failover.ts'
import type { LossForecast, Plan } from '#plan/plan.ts'
import { planOperation } from '#plan/operation.ts'
import type { ActiveAt, OperationRequest } from '#plan/request.ts'
import type { Change } from '#runbook/step-type.ts'
import { readRunbook, runbooksFrom } from '#runbook/load.ts'
import type { Runbook } from '#runbook/runbook.ts'
import { stepTypes } from '#steps/index.ts'

const root = new URL('../../', import.meta.url)
const pathOf = (name: string) => new URL(name, root).pathname
const estate = await loadEstate([pathOf('estate/estate.yaml'), pathOf('estate/lab.yaml')])
const text = await readFile(pathOf('runbooks/failover-postgres-web.yaml'), 'utf8')
const nine = ['AID', 'EPP', 'G2B', 'G4B', 'GOV', 'GPK', 'ONN', 'PIS', 'RRS']
const homes = new Map<string, ActiveAt>(estate.systems.map(({ id, home }) => [id, { site: home, epoch: 1 }]))

interface World {
  of?: Estate
  runbook?: string
  active?: ReadonlyMap<string, ActiveAt>
}

function planned(
  { of = estate, runbook = text, active = homes }: World,
  systems?: readonly string[],
  lossUntold?: readonly string[],
): Plan {
  const read = readRunbook(runbook, 'r.yaml', { stepTypes, sites: ['daejeon', 'gwangju'] }).runbook
  return planFailover({
    estate: of,
    runbooks: new Map([['failover-postgres-web', read as Runbook]]),
    stepTypes,
    world: { active: (id) => active.get(id) },
    fromSite: 'daejeon',
    toSite: 'gwangju',
    now: 0,
    ...(systems === undefined ? {} : { systems }),
    ...(lossUntold === undefined ? {} : { lossUntold }),
  })
}

const waiting = `
apiVersion: haetae/v1
kind: Runbook
metadata: { name: waiting, title: { ko: 확인, en: Wait } }
modes: [operation]
inputs: { replicas: { type: int, title: { ko: 개수, en: Replicas } } }
steps:
  - id: ready
    title: { ko: 기동 확인, en: Wait until ready }
    type: k8s.wait
    with:
      site: \${{ to.site }}
      namespace: \${{ system.namespace }}
      workloads: '\${{ [{"deployment": "web", "replicas": inputs.replicas}] }}'
    onUnreachable: { operation: ask }
  - id: settle
    title: { ko: 안정화, en: Settle }
    type: runbook
    needs: [ready]
    with: { runbook: a-part }
`
const part = `
apiVersion: haetae/v1
kind: Runbook
metadata: { name: a-part, title: { ko: 일부, en: A part } }
modes: [operation]
part: true
steps:
  - { id: rest, title: { ko: 대기, en: Rest }, type: wait, with: { for: 10s } }
`
const operated = (
  active: ReadonlyMap<string, ActiveAt>,
  request: Pick<OperationRequest, 'site' | 'runbook' | 'systems' | 'inputs' | 'now'>,
) => {
  const sources = Object.entries({ 'w.yaml': waiting, 'a.yaml': part }).map(([file, text]) => ({
    file,
    text,
  }))
  const runbooks = runbooksFrom(sources, { stepTypes, sites: ['daejeon', 'gwangju'] })
  return planOperation({ ...request, estate, runbooks, stepTypes, world: { active: (id) => active.get(id) } })
}

/** The estate with another address of one standby. */
function moved(id: string, host: string): Estate {
  const copy = structuredClone(estate) as Estate
  const endpoint = copy.systems.find((system) => system.id === id)?.components?.database?.endpoints['gwangju']
  if (endpoint === undefined) throw new Error(`${id} has no database there`)
  Object.assign(endpoint, { host })
  return copy
}

describe('comparing two plans', () => {
  test('the same request gives the same plan, whatever was observed', () => {
    const now = planned({})
    const later = { ...planned({}), observed: { at: 'later', changes: { x: [] } } }
    const { same, head, steps, assumptions } = diffPlans(now, later)
    expect({ same, head, changed: steps.changed, assumed: assumptions.changed }).toEqual({
      ...{ same: true, head: [], changed: [], assumed: [] },
    })
  })

  test('names systems, steps and assumptions that are in one only', () => {
    const diff = diffPlans(planned({}, ['GPK', 'AID', 'RRS']), planned({}, ['GPK', 'AID', 'ONN']))
    expect(diff.same).toBe(false)
    expect(diff.systems).toEqual({ onlyA: ['RRS'], onlyB: ['ONN'] })
    expect(diff.steps.onlyA).toContain('RRS/promote')
    expect(diff.steps.onlyB).toContain('ONN/promote')
    expect(diff.assumptions.onlyB.map(({ kind }) => kind)).toEqual([
      'active-site',
      'recovery-point',
      'loss-bound',
    ])
  })

  test('shows each input, deadline and bound that changed, and the digests that did', () => {
    const other = planned({
      of: moved('GOV', '10.72.9.9'),
      runbook: text.replace('attempt: 30s, total: 5m', 'attempt: 45s, total: 5m'),
      active: new Map([...homes, ['GPK', { site: 'daejeon', epoch: 4 }]]),
    })
    const diff = diffPlans(planned({}), other)
    expect(diff.head.map(({ name }) => name)).toEqual(['catalogue', 'runbooks.failover-postgres-web'])
    expect(diff.steps.changed.find(({ id }) => id === 'GOV/promote')?.fields).toEqual([
      { name: 'limits.attemptMs', a: 30_000, b: 45_000 },
      { name: 'with.host', a: '10.72.2.4', b: '10.72.9.9' },
    ])
    expect(diff.assumptions.changed).toContainEqual({ name: 'active-site GPK: epoch', a: 1, b: 4 })
    expect(diff.assumptions.changed).toContainEqual({
      ...{ name: 'recovery-point GOV: host', a: '10.72.2.4', b: '10.72.9.9' },
    })
  })

  test('says the same exactly when the digests are the same', () => {
    const some = fc
      .shuffledSubarray(nine, { minLength: 1 })
      .filter((ids) => ids.includes('AID') && ids.includes('GPK'))
    fc.assert(
      fc.property(some, some, (a, b) => {
        const [one, other] = [planned({}, a), planned({}, b)]
        const { same, head, steps, systems } = diffPlans(one, other)
        expect(same).toBe(one.digest === other.digest)
        const differs = [head, systems.onlyA, systems.onlyB, steps.onlyA, steps.onlyB].some(
          (list) => list.length > 0,
        )
        expect(differs).toBe(!same)
      }),
      { numRuns: 20 },
    )
  })
})

describe('what has changed since a plan was made', () => {
  const change = (own: Partial<Change>): Change => ({
    certainty: 'exact',
    target: 'web',
    before: 0,
    after: 1,
    ...own,
  })
  const loss = (seconds: number | null): LossForecast => ({
    ...{ seconds, atMost: false, sourceHeartbeatAt: null, why: { ko: '', en: '' } },
  })
  const duration = { ms: 0, criticalPath: [], systems: {}, measured: {}, fromLimits: [] }
  const observed = (changes: Record<string, Change[]>, seconds: number | null = 0) => ({
    ...{ at: '', changes, forecast: { loss: { GPK: loss(seconds) }, duration } },
  })
  const plan = { ...planned({}, ['GPK']), observed: observed({ 'GPK/start': [change({})] }) }
  const all = () => true

  test('is told by node, with then and now', () => {
    const now = observed({ 'GPK/start': [change({ before: 2 })] })
    expect(driftOf(plan, now, all).nodes).toEqual([
      { node: 'GPK/start', system: 'GPK', before: [change({})], now: [change({ before: 2 })] },
    ])
    expect(driftOf(plan, observed({ 'GPK/start': [] }), all).nodes).toHaveLength(1)
  })

  test('is nothing where the same is said in other words, or the step has begun', () => {
    const why = 'from 127.0.0.1:39122'
    expect(driftOf(plan, observed({ 'GPK/start': [change({ why })] }), all).nodes).toEqual([])
    const now = observed({ 'GPK/start': [change({ before: 2 })] })
    expect(driftOf(plan, now, ({ id }) => id !== 'GPK/start').nodes).toEqual([])
  })

  test('names a loss that grew by a second, and one that can be told no more', () => {
    const { changes } = plan.observed
    expect(driftOf(plan, observed(changes, 0.4), all).losses).toEqual([])
    expect(driftOf(plan, observed(changes, 1), all).losses).toHaveLength(1)
    expect(driftOf(plan, observed(changes, 61), all).losses).toMatchObject([
      { system: 'GPK', now: { seconds: 61 } },
    ])
    expect(driftOf(plan, observed(changes, null), all).losses).toHaveLength(1)
  })
})

describe('planning again', () => {
  const why = (plan: Plan, world: World) =>
    replanner({
      planner: {
        failover: async ({ active, ...request }) =>
          planned({ ...world, active }, request.systems, request.lossUntold),
        operation: async ({ active, ...request }) => operated(active, request),
      },
      world: { refresh: async () => undefined, activeAt: () => new Map(world.active ?? homes) },
      clock: { now: () => 0 },
    })(plan).then((told) => told?.en)

  test('of an unchanged estate gives the same actions, also where a loss cannot be told', async () => {
    expect(await why(planned({}), {})).toBeUndefined()
    expect(await why(planned({}, undefined, ['GPK']), {})).toBeUndefined()
    expect(await why(planned({}, ['GPK', 'AID']), {})).toBeUndefined()
  })

  test('of an operation gives the same actions with the inputs that were given', async () => {
    const plan = operated(homes, {
      ...{ site: 'daejeon', runbook: 'waiting', systems: ['GPK', 'AID'], inputs: { replicas: 2 }, now: 0 },
    })
    // Two runbooks are in it, and the called one comes first by its name. The journal keeps the plan as JSON.
    expect(Object.keys(plan.subject.runbooks)).toEqual(['waiting', 'a-part'])
    expect(await why(JSON.parse(JSON.stringify(plan)) as Plan, {})).toBeUndefined()
    expect(await why(plan, { active: new Map([['GPK', { site: 'gwangju', epoch: 2 }]]) })).toContain('GPK')
  })

  test('names the steps whose inputs changed; an entry that changes no step voids nothing', async () => {
    expect(await why(planned({}), { of: moved('GOV', '10.72.9.9') })).toContain(
      '~ GOV/standby with.host: 10.72.2.4 → 10.72.9.9; ~ GOV/promote with.host: 10.72.2.4 → 10.72.9.9',
    )
    const renamed = structuredClone(estate) as Estate
    Object.assign(renamed.systems.find(({ id }) => id === 'GOV') ?? {}, {
      name: { ko: '이름', en: 'Renamed' },
    })
    const other = planned({ of: renamed })
    expect(other.digest).not.toBe(planned({}).digest)
    expect(await why(planned({}), { of: renamed })).toBeUndefined()
  })

  test('names the first ten differences, long values shortened, and how many more there are', async () => {
    const moves = structuredClone(estate) as Estate
    for (const { components } of moves.systems)
      if (components !== undefined)
        Object.assign(components, {
          probe: { path: `/${'x'.repeat(5_000)}` },
          traffic: { ...components.traffic, ttlSeconds: 77 },
        })
    const said = await why(planned({}), { of: moves })
    expect(said?.match(/~ /g)).toHaveLength(10)
    expect(said).toContain('; and 8 more: compare with `plan --out` and `plan diff`')
    expect(said?.length).toBeLessThan(4_000)
  })

  test('says why there would be no plan any more', async () => {
    const active = new Map([...homes, ['GPK', { site: 'gwangju', epoch: 2 }]])
    expect(await why(planned({}, ['GPK', 'AID']), { active })).toContain('GPK')
  })

  test('that fails itself is no reason: it is looked at again', async () => {
    const failing = replanner({
      planner: {
        failover: () => Promise.reject(new Error('the thread ended')),
        operation: () => Promise.reject(new Error('no')),
      },
      world: { refresh: async () => undefined, activeAt: () => new Map(homes) },
      clock: { now: () => 0 },
    })
    await expect(failing(planned({}))).rejects.toThrow('the thread ended')
  })
})
