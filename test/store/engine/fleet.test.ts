import { readFile } from 'node:fs/promises'
import type { Pool } from 'pg'
import { expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import { defaultPolicy } from '#approval/policy.ts'
import { startPlanner, type Planner } from '#daemon/planner.ts'
import { createEngine } from '#engine/engine.ts'
import type { Engine } from '#engine/engine-port.ts'
import { postgresJournal } from '#engine/journal/postgres.ts'
import type { Estate } from '#estate/estate.ts'
import { partRequestOf } from '#plan/part.ts'
import type { Plan } from '#plan/plan.ts'
import { createResolver } from '#plan/resolve.ts'
import { systemClock } from '#platform/clock.ts'
import type { AnyStepType } from '#runbook/step-type.ts'
import { stepTypes } from '#steps/index.ts'
import { databasePerTest } from '../../support/postgres.ts'
import { syntheticEstate } from '../../support/synthetic-estate.ts'

const database = databasePerTest()
const silent = { info() {}, warn() {}, error() {} }
const root = new URL('../../../', import.meta.url).pathname
const active = new Map()

/** What each step gives to those after it. */
const outputs: Record<string, object> = {
  'pg.status': { receivedLsn: '0/1', timeline: 1 },
  'authority.acquire': { epoch: 1, site: 'gwangju' },
}

/** The real step types by name, version and input; in place of the world they write down what they did. */
function noOps(
  done: Map<string, number>,
  hold = (_type: string) => Promise.resolve(),
): Map<string, AnyStepType> {
  return new Map(
    [...stepTypes].map(([name, type]) => {
      const output = outputs[name] ?? {}
      const noOp: AnyStepType = {
        ...type,
        output: z.unknown(),
        observe: async ({ key }) => done.has(key ?? ''),
        judge: (_input, state) => (state === true ? 'holds' : 'absent'),
        apply: async ({ key }) => {
          await hold(name)
          done.set(key, (done.get(key) ?? 0) + 1)
          return output
        },
        adopt: () => output,
      }
      return [name, noOp]
    }),
  )
}

/** The planner of an estate; */
async function plannerOf(estate: Estate): Promise<Planner> {
  const files = ['failover-postgres-web', 'evacuate-site'].map((name) => `${root}runbooks/${name}.yaml`)
  const runbookSources = await Promise.all(
    files.map(async (file) => ({ file, text: await readFile(file, 'utf8') })),
  )
  const planner = startPlanner({ estate, runbookSources, approvalPolicy: defaultPolicy })
  onTestFinished(() => planner.close())
  return planner
}

const evacuation = (planner: Planner) =>
  planner.evacuation({ fromSite: 'daejeon', toSite: 'gwangju', runbook: 'evacuate-site', active, now: 0 })

function engineOn(
  pool: Pool,
  daemon: string,
  parts: { planner: Planner; types: Map<string, AnyStepType>; lost?: () => void; ttlMs?: number },
): Engine {
  const { planner, types, lost = () => {}, ttlMs = 6_000 } = parts
  let last: Promise<unknown> = Promise.resolve()
  const engine = createEngine({
    journal: postgresJournal({ pool, clock: systemClock }),
    stepTypes: types,
    contexts: { readers: () => ({}), writers: () => ({}) },
    approvals: { at: async () => ({ granted: ['approver-1', 'approver-2'], rejected: [] }) },
    assumptions: { broken: async () => [] },
    authority: { epochOf: async () => 1 },
    resolve: createResolver(types),
    planChild: ({ fleet, node, ownGates }) => {
      const turn = last.then(() => planner.part({ ...partRequestOf(fleet, node, ownGates), active, now: 0 }))
      last = turn.catch(() => {})
      return turn
    },
    clock: systemClock,
    log: silent,
    metrics: { attemptEnded() {}, nodeEnded() {}, runEnded() {}, termLost: lost },
    holder: { daemon, incarnation: `${daemon}/1` },
    ttlMs,
  })
  onTestFinished(() => engine.stop())
  return engine
}

const start = (engine: Engine, plan: Plan) =>
  engine.start({ id: 'E', plan, requester: 'operator-1', reason: 'a test' })

async function until(what: string, holds: () => Promise<boolean>, withinMs = 150_000): Promise<void> {
  const end = Date.now() + withinMs
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`not within ${withinMs} ms: ${what}`)
    await systemClock.sleep(50)
  }
}

test('two engines on one PostgreSQL run a fleet: every step once, a system that drifted is held back', async () => {
  const { pool } = database()
  const estate = syntheticEstate(30)
  const planner = await plannerOf(estate)
  const [drifted, ...others] = estate.systems.toReversed()
  if (drifted?.components === undefined) throw new Error('no system')
  const components = { ...drifted.components, probe: { path: '/other' } }
  const later = await plannerOf({ ...estate, systems: [...others.toReversed(), { ...drifted, components }] })
  const done = new Map<string, number>()
  const types = noOps(done)
  const first = engineOn(pool, 'd1', { planner: later, types, ttlMs: 1_000 })
  const second = engineOn(pool, 'd2', { planner: later, types, ttlMs: 1_000 })
  await second.resumeAll()
  await start(first, await evacuation(planner))
  // The first one goes when some of the runs are under way: the other takes over the fleet and its runs.
  await until('some runs began', async () => (await second.runs.listRuns({ parent: 'E' })).length > 5)
  await first.stop(0)
  const view = () => second.runs.getRun('E')
  await until('all but one have ended', async () =>
    [...(await view()).nodes.values()].every(
      ({ id, state }) => state === 'succeeded' || [drifted.id, 'systems'].includes(id),
    ),
  )
  const held = (await view()).nodes.get(drifted.id)
  expect(held).toMatchObject({
    state: 'needs-person',
    question: {
      reason: 'drift',
      facts: {
        changed: [{ part: 'catalogue' }, { part: 'actions' }],
        differs: [{ name: `${drifted.id}/check with.path`, now: '/other' }],
      },
    },
  })
  expect([...new Set(done.values())]).toEqual([1])
  expect(done.size).toBe(29 * 8)

  // A person lets it go on by the plan as it is now: its run asks for approvals of its own.
  await second.decide('E', drifted.id, 'replan', 'operator-1', 'the new path is right')
  await until('the fleet has ended', async () => (await view()).state === 'succeeded')
  const plan = (await second.runs.getRun(`E.${drifted.id}`)).plan
  expect(plan.subject.nodes.filter(({ gate }) => gate !== null).map(({ id }) => id)).toEqual([
    'approve',
    'attest',
  ])
  expect(done.size).toBe(30 * 8)
  expect((await pool.query('SELECT * FROM system_locks')).rows).toEqual([])
})

test('a fleet is paused, its process goes, it is resumed: the next one lets its runs go on, but for one paused alone', async () => {
  const { pool } = database()
  const estate = syntheticEstate(4)
  const planner = await plannerOf(estate)
  const done = new Map<string, number>()
  const gate = Promise.withResolvers<void>()
  const types = noOps(done, (type) => (type === 'authority.acquire' ? gate.promise : Promise.resolve()))
  const first = engineOn(pool, 'd1', { planner, types, ttlMs: 1_000 })
  await start(first, await evacuation(planner))
  const parts = async (engine: Engine) => engine.runs.listRuns({ parent: 'E' })
  const say = (run: string, verb: 'pause' | 'resume', by: string) =>
    postgresJournal({ pool, clock: systemClock }).command(run, { verb, reason: 'a test' }, by)
  await until('the first system is under way', async () => (await parts(first))[0]?.state === 'running')
  const alone = (await parts(first))[0]?.id ?? ''
  await say(alone, 'pause', 'sre-1')
  await say('E', 'pause', 'operator-1')
  await until('both pauses stand', async () => {
    const { paused } = await first.runs.getRun(alone)
    return paused?.own?.by === 'sre-1' && paused.fleet?.by === 'operator-1'
  })
  await first.stop(0)
  await say('E', 'resume', 'operator-1')
  const second = engineOn(pool, 'd2', { planner, types, ttlMs: 1_000 })
  await second.resumeAll()
  gate.resolve()
  await until('the pause of the fleet has ended at its run', async () => {
    const { paused } = await second.runs.getRun(alone)
    return paused !== null && paused.fleet === null
  })
  const system = alone.slice('E.'.length)
  await until('the fleet says who paused it alone', async () => {
    const why = await second.runs.why('E', system)
    return why.reason === 'paused' && why.facts['by'] === 'sre-1'
  })
  await expect(second.ask(alone, { verb: 'pause', reason: 'again' }, 'sre-1')).rejects.toThrow('pause')
  await second.ask(alone, { verb: 'resume', reason: 'go' }, 'sre-1')
  await until('the fleet has ended', async () => (await second.runs.getRun('E')).state === 'succeeded')
  expect([...new Set(done.values())]).toEqual([1])
  expect(done.size).toBe(4 * 8)
})

test('a fleet of 709 systems ends, and no term is lost meanwhile', async () => {
  const { pool } = database()
  const planner = await plannerOf(syntheticEstate(709))
  const done = new Map<string, number>()
  const lost = { count: 0 }
  const engine = engineOn(pool, 'd1', { planner, types: noOps(done), lost: () => void (lost.count += 1) })
  const began = Date.now()
  const plan = await evacuation(planner)
  const planned = Date.now()
  await start(engine, plan)
  await until(
    'the fleet has ended',
    async () => (await engine.runs.listRuns({ parent: null }))[0]?.state === 'succeeded',
    170_000,
  )
  console.log(`709 systems: planned in ${planned - began} ms, ran in ${Date.now() - planned} ms`)
  expect(done.size).toBe(709 * 8)
  expect([...new Set(done.values())]).toEqual([1])
  expect(lost.count).toBe(0)
  const runs = await engine.runs.listRuns({ parent: 'E', limit: 1_000 })
  expect(runs.filter(({ state }) => state === 'succeeded')).toHaveLength(709)
}, 180_000)
