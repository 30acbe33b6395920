import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { defaultPolicy } from '#approval/policy.ts'
import { startPlanner, type Planner } from '#daemon/planner.ts'
import { createEngine } from '#engine/engine.ts'
import { postgresJournal } from '#engine/journal/postgres.ts'
import { systemClock } from '#platform/clock.ts'
import { gate, planOf } from '../../sim/world/plans.ts'
import { simTypes } from '../../sim/world/types.ts'
import { databasePerTest } from '../../support/postgres.ts'
import { syntheticEstate } from '../../support/synthetic-estate.ts'

const database = databasePerTest()
const silent = { info() {}, warn() {}, error() {} }
const file = new URL('../../../runbooks/failover-postgres-web.yaml', import.meta.url).pathname
const request: Parameters<Planner['failover']>[0] = {
  fromSite: 'daejeon',
  toSite: 'gwangju',
  active: new Map(),
  now: 0,
}

async function plannerOf(systems: number): Promise<Planner & AsyncDisposable> {
  const runbookSources = [{ file, text: await readFile(file, 'utf8') }]
  const planner = startPlanner({
    estate: syntheticEstate(systems),
    runbookSources,
    approvalPolicy: defaultPolicy,
  })
  return { ...planner, [Symbol.asyncDispose]: () => planner.close() }
}

test('terms are renewed on time while plans of 15,000 systems are made', async () => {
  const { pool } = database()
  await using planner = await plannerOf(15_000)
  const terms = { lost: 0 }
  const engine = createEngine({
    journal: postgresJournal({ pool, clock: systemClock }),
    stepTypes: simTypes,
    contexts: { readers: () => ({}), writers: () => ({}) },
    approvals: { at: async () => ({ granted: [], rejected: [] }) },
    assumptions: { broken: async () => [] },
    authority: { epochOf: async () => undefined },
    resolve: (each) => each.with,
    clock: systemClock,
    log: silent,
    metrics: { attemptEnded() {}, nodeEnded() {}, runEnded() {}, termLost: () => void (terms.lost += 1) },
    holder: { daemon: 'd', incarnation: 'd/1' },
    ttlMs: 6_000,
  })
  await engine.start({ id: 'r', plan: planOf([gate('approve')]), requester: 'operator-1', reason: 'a test' })

  // Two plans one after the other take longer than a term lasts without being renewed.
  const plans = { made: 0, systems: 0 }
  const planning = (async () => {
    for (; plans.made < 2; plans.made += 1) plans.systems = (await planner.failover(request)).systems.length
  })()
  const renewedWhilePlanning = new Set<number>()
  while (plans.made < 2) {
    const { rows } = await pool.query<{ until: Date }>("SELECT term_until AS until FROM runs WHERE id = 'r'")
    for (const { until } of rows) renewedWhilePlanning.add(until.getTime())
    await Promise.race([planning, systemClock.sleep(100)])
  }
  await planning

  expect(plans.systems).toBe(15_000)
  // The first is how it was before.
  expect(renewedWhilePlanning.size).toBeGreaterThan(2)
  expect(terms.lost).toBe(0)
  const kinds = (await engine.runs.journalSince('r', 0)).map(({ event }) => event.kind)
  expect(kinds).toEqual(['run-created', 'term-taken'])
  await engine.stop()
})

test('what cannot be planned is told with its code and its facts, as if no thread were between', async () => {
  await using planner = await plannerOf(3)
  await expect(planner.failover({ ...request, systems: ['NONE'] })).rejects.toMatchObject({
    name: 'HaetaeError',
    code: 'system-unknown',
    what: 'NONE',
    why: 'the estate does not register it',
  })
  const there = new Map([['S0001', { site: 'gwangju', epoch: 2 }]])
  await expect(planner.failover({ ...request, systems: ['S0001'], active: there })).rejects.toMatchObject({
    code: 'already-active',
    facts: { system: 'S0001', site: 'gwangju' },
  })
  expect((await planner.failover(request)).systems).toHaveLength(3)
})
