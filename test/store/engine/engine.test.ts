import { connect, createServer, type Server, type Socket } from 'node:net'
import { Pool } from 'pg'
import { expect, test } from 'vitest'
import { createEngine } from '#engine/engine.ts'
import type { Journal } from '#engine/journal/journal.ts'
import { postgresJournal } from '#engine/journal/postgres.ts'
import { readView } from '#engine/run-reader.ts'
import { systemClock } from '#platform/clock.ts'
import { digestOf } from '#model/digest.ts'
import type { Plan, PlanMode } from '#plan/plan.ts'
import { node, planOf } from '../../sim/world/plans.ts'
import { SimProcess } from '../../sim/world/process.ts'
import { change, simType, simTypes } from '../../sim/world/types.ts'
import { World } from '../../sim/world/world.ts'
import { databasePerTest } from '../../support/postgres.ts'

const database = databasePerTest()
const silent = { info() {}, warn() {}, error() {} }
const metrics = { attemptEnded() {}, nodeEnded() {}, runEnded() {}, termLost() {} }

interface Setup {
  world: World
  journal: Journal
  daemon?: string
  ttlMs?: number
  /** Called in every effect before it lands. */
  before?: (node: string) => Promise<void>
}

function engineOn({ world, journal, daemon = 'd', ttlMs = 1_000, before = async () => {} }: Setup) {
  const process = new SimProcess(daemon, `${daemon}/${Math.random()}`, () => {})
  const slow = simType('slow', 'point-of-no-return', {
    apply: async (ctx, { thing }, seen) => {
      await before(ctx.nodeId)
      change(ctx, thing, seen.version)
      return { version: 1 }
    },
  })
  const targets = { world, process }
  return createEngine({
    journal,
    stepTypes: new Map([...simTypes, ['slow', slow]]),
    contexts: { readers: () => targets, writers: () => targets },
    approvals: { at: async () => ({ granted: ['a', 'b'], rejected: [] }) },
    assumptions: { broken: async () => [] },
    authority: { epochOf: async () => 1 },
    resolve: (each) => each.with,
    clock: systemClock,
    log: silent,
    metrics,
    holder: { daemon, incarnation: process.incarnation },
    ttlMs,
  })
}

/** Steps in a row; every one with a thing of its own run and node. */
function chain(run: string, length: number, type = 'sim.set'): Plan {
  return planOf(
    Array.from({ length }, (_, index) => {
      const needs = index === 0 ? [] : [`${run}/s${index - 1}`]
      return node(`${run}/s${index}`, type, needs, { with: { thing: `${run}/s${index}` } })
    }),
  )
}

const request = (id: string, plan: Plan) => ({ id, plan, requester: 'operator-1', reason: 'a test' })

async function until(
  what: string,
  holds: () => Promise<boolean> | boolean,
  withinMs = 150_000,
): Promise<void> {
  const end = Date.now() + withinMs
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`not within ${withinMs} ms: ${what}`)
    await systemClock.sleep(20)
  }
}

/** Effects that have begun wait here until they are let go; with `only`, that one alone. */
function held(only?: string) {
  const gate = Promise.withResolvers<void>()
  const began: string[] = []
  const before = async (id: string) => {
    began.push(id)
    if (only === undefined || id === only) await gate.promise
  }
  return { began, before, letGo: () => gate.resolve() }
}

const twoJournals = (pool: Pool) =>
  [0, 1].map(() => postgresJournal({ pool, clock: systemClock })) as [Journal, Journal]

/** A journal that stops answering for as long as it is cut. */
function cuttable(journal: Journal): { journal: Journal; cut(): void } {
  let cut = false
  const never = new Promise<never>(() => {})
  const guarded = new Proxy(journal, {
    get: (target, name: keyof Journal) => {
      const method = target[name] as (...args: unknown[]) => Promise<unknown>
      return (...args: unknown[]) => (cut ? never : method(...args))
    },
  })
  return { journal: guarded, cut: () => void (cut = true) }
}

test('a run is executed to its end, and each step happens once', async () => {
  const { pool } = database()
  const world = new World(systemClock)
  const journal = postgresJournal({ pool, clock: systemClock })
  const engine = engineOn({ world, journal })
  await engine.start(request('r', chain('A', 10)))
  await until('the run ends', async () => (await journal.run('r'))?.state === 'succeeded')
  expect(world.landed.map((change) => change.node)).toEqual(chain('A', 10).subject.nodes.map(({ id }) => id))
  expect((await readView(journal, 'r')).nodes.get('A/s9')).toMatchObject({
    state: 'succeeded',
    output: { version: 1 },
  })
  await engine.stop()
})

test('two engines on one database: every run is held by one of them, and each step happens once', async () => {
  const { pool } = database()
  const world = new World(systemClock)
  const journals = twoJournals(pool)
  const engines = journals.map((journal, index) =>
    engineOn({ world, journal, daemon: `d${index}`, ttlMs: 10_000 }),
  )
  await Promise.all(engines.map((engine) => engine.resumeAll()))
  const ids = Array.from({ length: 12 }, (_, index) => `R${index}`)
  const begin = async (id: string, index: number) => engines[index % 2]?.start(request(id, chain(id, 6)))
  await Promise.all(ids.map(begin))
  const [journal] = journals
  await until('the runs end', async () => (await journal.runs({ open: true })).length === 0)
  expect(world.landed).toHaveLength(12 * 6)
  expect(new Set(world.landed.map(({ key }) => key)).size).toBe(12 * 6)
  for (const id of ids) {
    const records = await journal.read(id, 0, 1_000)
    const writers = new Map(records.filter(({ term }) => term > 0).map(({ term, actor }) => [term, actor]))
    expect([...writers.keys()], id).toEqual([1])
  }
  await Promise.all(engines.map((engine) => engine.stop()))
})

test('a holder that is cut off stops before its next effect; another goes on, and each step happens once', async () => {
  const { pool } = database()
  const world = new World(systemClock)
  const store = postgresJournal({ pool, clock: systemClock })
  const first = cuttable(store)
  const { began, before, letGo } = held()
  const stuck = engineOn({ world, journal: first.journal, daemon: 'd1', ttlMs: 300, before })
  await stuck.start(request('r', chain('A', 3, 'slow')))
  await until('the first effect is under way', () => began.length === 1)
  first.cut()
  const other = engineOn({ world, journal: store, daemon: 'd2', ttlMs: 300 })
  await other.resumeAll()
  await until('the other ends the run', async () => (await store.run('r'))?.state === 'succeeded')
  // The first one's effect goes on now, as after SIGCONT: its target refuses it, and it begins no other.
  letGo()
  await systemClock.sleep(200)
  expect(began).toEqual(['A/s0'])
  expect(world.landed.map((change) => change.node)).toEqual(['A/s0', 'A/s1', 'A/s2'])
  const terms = (await store.read('r', 0, 1_000)).filter(({ term }) => term > 0)
  expect(new Map(terms.map(({ term, actor }) => [term, actor]))).toEqual(
    new Map([
      [1, 'd1'],
      [2, 'd2'],
    ]),
  )
  await Promise.all([stuck.stop(100), other.stop()])
})

test('a run of a holder that hangs is taken over: what the holder writes and begins then is refused, and what it had begun is waited for', async () => {
  const { pool } = database()
  const world = new World(systemClock)
  const journals = twoJournals(pool)
  const { began, before, letGo } = held()
  const hangs = engineOn({ world, journal: journals[0], daemon: 'd1', ttlMs: 60_000, before })
  const plan = chain('A', 3, 'slow')
  const brief = plan.subject.nodes.map((each) => ({ ...each, limits: { ...each.limits, attemptMs: 1_500 } }))
  await hangs.start({ ...request('r', planOf(brief)) })
  await until('the first effect is under way', () => began.length === 1)
  const other = engineOn({ world, journal: journals[1], daemon: 'd2', ttlMs: 60_000 })
  await other.takeOver('r', ['approver-1', 'commander-1'], 'it hangs')
  expect(await journals[1].run('r')).toMatchObject({ state: 'running', term: 3, holder: { daemon: 'd2' } })
  await expect(other.start(request('next', chain('A', 2)))).rejects.toMatchObject({ code: 'system-locked' })
  // The first one's effect lands now, after the take-over: its outcome is refused, and it begins nothing more.
  letGo()
  await until('the run has ended', async () => (await journals[1].run('r'))?.state === 'canceled')
  await hangs.stop(1_000)
  expect(began).toEqual(['A/s0'])
  const after = await journals[1].read('r', 0, 100)
  expect(after.at(-1)?.event).toEqual({ kind: 'run-ended', outcome: 'canceled' })
  expect(after.filter(({ event }) => event.kind === 'applied')).toEqual([])
  const told = (await readView(journals[1], 'r')).nodes
  expect(['A/s0', 'A/s1'].map((id) => told.get(id)?.canceled?.left ?? told.get(id)?.state)).toEqual([
    'adopted',
    'untouched',
  ])
  await other.start(request('next', chain('B', 2)))
  await until('the next run ends', async () => (await journals[1].run('next'))?.state === 'succeeded')
  await other.stop()
})

test('of two engines, one begins a failover of the systems of a drill that the other executes: the drill gives way and cleans up after it', async () => {
  const { pool } = database()
  const world = new World(systemClock)
  const journals = twoJournals(pool)
  const { began, before, letGo } = held('A/s1')
  const drills = engineOn({ world, journal: journals[0], daemon: 'd1', ttlMs: 900, before })
  const made = chain('A', 3, 'slow')
  const clean = node('A/clean', 'sim.set', [], {
    after: made.subject.nodes.map(({ id }) => id),
    finally: true,
  })
  const subject = { ...made.subject, mode: 'drill' as PlanMode, nodes: [...made.subject.nodes, clean] }
  await drills.start(request('drill', { ...made, subject, digest: digestOf(subject) }))
  await until('the second effect is under way', () => began.includes('A/s1'))
  const other = engineOn({ world, journal: journals[1], daemon: 'd2', ttlMs: 900 })
  await other.resumeAll()
  const rest = node('A/rest', 'wait', [], { waitFor: { kind: 'time', ms: 1_500 } })
  await other.start(request('real', planOf([rest])))
  letGo()
  await until('both runs end', async () => (await journals[1].runs({ open: true })).length === 0)
  expect((await journals[1].run('real'))?.state).toBe('succeeded')
  const view = await readView(journals[1], 'drill')
  expect([view.state, view.nodes.get('A/s2')?.state, view.nodes.get('A/clean')?.state]).toEqual([
    'canceled',
    'canceled',
    'succeeded',
  ])
  expect(began).toEqual(['A/s0', 'A/s1'])
  const cleaned = world.landed.find((change) => change.node === 'A/clean')
  expect(cleaned?.at).toBeGreaterThanOrEqual(Date.parse((await journals[1].run('real'))?.endedAt ?? ''))
  await Promise.all([drills.stop(), other.stop()])
})

test('every connection is cut again and again: the run goes on, and each step happens once', async () => {
  const { pool, openPool } = database()
  const world = new World(systemClock)
  const own = openPool(4)
  const journal = postgresJournal({ pool: own, clock: systemClock, withinMs: 2_000 })
  const engine = engineOn({ world, journal, ttlMs: 1_000, before: () => systemClock.sleep(15) })
  await engine.start(request('r', chain('A', 40, 'slow')))
  const state = async () =>
    (await pool.query<{ state: string }>("SELECT state FROM runs WHERE id = 'r'")).rows[0]?.state
  for (let cut = 1; cut <= 10; cut++) {
    await until(
      'some steps are done',
      async () => world.landed.length >= cut * 3 || (await state()) === 'succeeded',
    )
    await pool.query(
      'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
    )
  }
  await until('the run ends', async () => (await state()) === 'succeeded')
  expect(world.landed.map((change) => change.node)).toEqual(chain('A', 40).subject.nodes.map(({ id }) => id))
  const view = await readView(postgresJournal({ pool, clock: systemClock }), 'r')
  expect(view.term).toBeGreaterThan(1)
  await engine.stop()
  await own.end()
})

test('a PostgreSQL that stops answering stops the run before its next effect; when it answers again, the run goes on', async () => {
  const { pool, tcpUrl } = database()
  const world = new World(systemClock)
  const proxy = await startProxy(tcpUrl)
  const own = new Pool({ connectionString: proxy.url, max: 4 })
  own.on('error', () => {})
  const journal = postgresJournal({ pool: own, clock: systemClock, withinMs: 1_500 })
  const engine = engineOn({ world, journal, ttlMs: 900, before: () => systemClock.sleep(20) })
  await engine.start(request('r', chain('A', 20, 'slow')))
  await until('some steps are done', () => world.landed.length >= 3)
  proxy.freeze()
  await systemClock.sleep(500)
  const at = world.landed.length
  await systemClock.sleep(2_000)
  expect(world.landed.length).toBe(at)
  proxy.thaw()
  const state = async () =>
    (await pool.query<{ state: string }>("SELECT state FROM runs WHERE id = 'r'")).rows[0]?.state
  await until('the run ends', async () => (await state()) === 'succeeded')
  expect(world.landed.map((change) => change.node)).toEqual(chain('A', 20).subject.nodes.map(({ id }) => id))
  await engine.stop()
  await own.end()
  await proxy.close()
})

test('a stop ends in time although PostgreSQL does not answer', async () => {
  const { pool, tcpUrl } = database()
  const proxy = await startProxy(tcpUrl)
  const own = new Pool({ connectionString: proxy.url, max: 4 })
  own.on('error', () => {})
  const journal = postgresJournal({ pool: own, clock: systemClock, withinMs: 3_000 })
  const world = new World(systemClock)
  const engine = engineOn({ world, journal, ttlMs: 60_000, before: () => systemClock.sleep(10) })
  await engine.start(request('r', chain('A', 200, 'slow')))
  await until('a step is done', () => world.landed.length > 0)
  proxy.freeze()
  const began = performance.now()
  await engine.stop(500)
  expect(performance.now() - began).toBeLessThan(30_000)
  proxy.thaw()
  await own.end()
  await proxy.close()
  expect(pool.waitingCount).toBe(0)
})

interface Proxy {
  url: string
  freeze(): void
  thaw(): void
  close(): Promise<void>
}

/** A TCP proxy that can swallow everything without closing anything: a network that drops packets. */
async function startProxy(target: string): Promise<Proxy> {
  const to = new URL(target)
  const sockets = new Set<Socket>()
  let frozen = false
  const pipe = (from: Socket, into: Socket) => {
    sockets.add(from)
    from.on('data', (data) => void (frozen || into.write(data)))
    from.on('close', () => {
      sockets.delete(from)
      into.destroy()
    })
    from.on('error', () => {})
  }
  const server: Server = createServer((client) => {
    const upstream = connect(Number(to.port), to.hostname)
    pipe(client, upstream)
    pipe(upstream, client)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (typeof address !== 'object' || address === null) throw new Error('no address')
  const url = new URL(target)
  url.port = String(address.port)
  return {
    url: url.toString(),
    freeze: () => void (frozen = true),
    // What was swallowed is lost: connections of that time are of no use any more.
    thaw: () => {
      frozen = false
      for (const socket of sockets) socket.destroy()
    },
    close: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
