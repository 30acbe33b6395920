import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { authorityStore } from '#authority/store.ts'
import { authorityHeld } from '#daemon/authority-held.ts'
import { createEngine } from '#engine/engine.ts'
import { postgresJournal } from '#engine/journal/postgres.ts'
import { digestOf } from '#model/digest.ts'
import { systemClock } from '#platform/clock.ts'
import { databaseReader, databaseWriter } from '#platform/database/client.ts'
import { loadBalancerClient } from '#platform/haproxy/client.ts'
import type { Plan, PlanNode } from '#plan/plan.ts'
import { answering } from '#steps/answering.ts'
import { stepTypes } from '#steps/index.ts'
import { node, planOf } from '../../sim/world/plans.ts'
import { startLoadBalancer, type TestLoadBalancer } from '../../support/load-balancer.ts'
import { databasePerTest } from '../../support/postgres.ts'
import { startSystemDatabase, type SystemDatabase } from '../../support/postgres-pair.ts'
import { someTargets } from '../../support/step-contexts.ts'

/*
 * Steps of operations at Daejeon, on a real database and a real load balancer of a system: the engine, its journal and
 * the authorities are the daemon's own.
 */

const database = databasePerTest()
const silentLog = { info() {}, warn() {}, error() {} }
const metrics = { attemptEnded() {}, nodeEnded() {}, runEnded() {}, termLost() {} }
const seconds = { verify: { withinMs: 2_000, everyMs: 100 } }
let system: SystemDatabase
let balancer: TestLoadBalancer

beforeAll(async () => {
  system = await startSystemDatabase()
  balancer = await startLoadBalancer()
  await system.primary.sql(
    'CREATE TABLE notices (text text); GRANT SELECT, INSERT ON notices TO haetae, haetae_reader',
  )
})
beforeEach(async () => void (await system.primary.sql('UPDATE haetae.pause SET until = NULL')))
afterAll(async () => {
  await balancer.stop()
  await system.stop()
})

function operation(...nodes: PlanNode[]): Plan {
  const plan = planOf(nodes)
  const { fromSite: _, ...moving } = plan.subject
  const subject = { ...moving, mode: 'operation' as const, toSite: 'daejeon', assumptions: [] }
  return { ...plan, subject, digest: digestOf(subject) }
}

/** An engine of a daemon that knows the epochs of its own PostgreSQL. */
async function daemon() {
  const { pool } = database()
  const store = authorityStore(pool, systemClock)
  await store.seed([{ system: 'GPK', site: 'daejeon' }])
  const { reader, writer } = loadBalancerClient(balancer.options)
  const targets = someTargets({
    readers: {
      site: 'daejeon',
      database: answering(databaseReader(system.databases)),
      loadBalancer: answering(reader),
    },
    writers: { database: answering(databaseWriter(system.databases)), loadBalancer: answering(writer) },
  })
  const engine = createEngine({
    journal: postgresJournal({ pool, clock: systemClock }),
    stepTypes,
    contexts: { readers: () => targets.readers, writers: () => targets.writers },
    approvals: { at: async () => ({ granted: [], rejected: [] }) },
    assumptions: { broken: async () => [] },
    authority: authorityHeld(store),
    resolve: (each) => each.with,
    clock: systemClock,
    log: silentLog,
    metrics,
    holder: { daemon: 'd', incarnation: 'd/1' },
  })
  const run = async (...nodes: PlanNode[]) => {
    const id = randomUUID()
    await engine.start({ id, plan: operation(...nodes), requester: 'operator-1', reason: 'as asked' })
    const view = () => engine.runs.getRun(id)
    await expect.poll(async () => (await view()).state).toBeOneOf(['succeeded', 'failed', 'needs-person'])
    const seen = await view()
    const asking = [...seen.nodes.values()].find(({ question }) => question !== null)
    if (asking !== undefined) {
      await engine.decide(id, asking.id, 'fail', 'operator-1', 'so it is')
      await expect.poll(async () => (await view()).state).toBe('failed')
    }
    return seen
  }
  return { store, run }
}

function steps() {
  const { host, port, database: name } = system.primary
  const at = { site: 'daejeon', system: 'GPK', host, port, database: name }
  const step = (id: string, type: string, given: object) =>
    node(`GPK/${id}`, type, [], {
      ...seconds,
      typeVersion: stepTypes.get(type)?.version ?? 0,
      with: { ...at, ...given },
    })
  const { site, system: of } = at
  return {
    pause: step('pause', 'pg.pauseWriters', { ttlSeconds: 600, graceSeconds: 0 }),
    resume: step('resume', 'pg.resumeWriters', {}),
    sql: step('sql', 'pg.sql', { statement: "INSERT INTO notices (text) VALUES ('open')", parameters: [] }),
    balance: {
      ...step('balance', 'lb.switch', {}),
      with: { site, system: of, backend: 'web', server: 'green' },
    },
  }
}

const paused = async () =>
  (await system.primary.sql('SELECT haetae.paused_until() IS NOT NULL AS paused'))[0]?.['paused']

test('what a site may do with a system of its own: stop its writers, and let them go on', async () => {
  const { run } = await daemon()
  const { pause, resume } = steps()
  expect((await run(pause)).state).toBe('succeeded')
  expect(await paused()).toBe(true)
  expect((await run(resume)).state).toBe('succeeded')
  expect(await paused()).toBe(false)
})

test('a site that has lost a system can still stop it, and neither let it write, write for it, nor serve it', async () => {
  const { store, run } = await daemon()
  const { pause, resume, sql, balance } = steps()
  await store.learn({ system: 'GPK', epoch: 2, site: 'gwangju', runId: 'F-1' })
  expect((await run(pause)).state).toBe('succeeded')
  for (const step of [resume, sql, balance]) {
    const { nodes } = await run(step)
    expect(nodes.get(step.id)).toMatchObject({ attempts: [], question: { reason: 'no-authority' } })
  }
  expect(await paused()).toBe(true)
  expect(await system.primary.sql('SELECT * FROM notices')).toEqual([])
  expect(await balancer.answering()).toBe('blue')
})

test('the database itself refuses who holds another epoch than the one under which it is primary', async () => {
  const { store, run } = await daemon()
  const { pause, resume, sql } = steps()
  expect((await run(pause)).state).toBe('succeeded')
  // Daejeon is primary again, by a newer epoch; this is the address of a database that nobody promoted under it.
  await store.learn({ system: 'GPK', epoch: 3, site: 'daejeon', runId: 'F-2' })
  for (const step of [resume, sql]) {
    const { nodes } = await run({ ...step, limits: { ...step.limits, retryMax: 0 } })
    const { question, attempts } = nodes.get(step.id) ?? {}
    expect(question?.reason).toBe('exhausted')
    expect(attempts?.[0]?.failure?.message).toContain('holds epoch 3, the database is primary under epoch 1')
  }
  expect(await paused()).toBe(true)
  const call = 'SELECT * FROM haetae.resume_writers((SELECT version FROM haetae.pause), 3)'
  expect(await system.primary.sql(call)).toEqual([])
  expect(await paused()).toBe(true)
})
