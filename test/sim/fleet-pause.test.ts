import { expect, test } from 'vitest'
import { readView } from '#engine/run-reader.ts'
import type { JournalRecord } from '#engine/state/events.ts'
import { whyNode } from '#engine/state/why.ts'
import { isHaetaeError } from '#model/errors.ts'
import type { AnyStepType } from '#runbook/step-type.ts'
import { assertOnce, childState, fleetOf, slow } from './world/fleets.ts'
import { childPlan, fleetPlan, node, planOf } from './world/plans.ts'
import { Random } from './world/random.ts'
import { mishaps as kinds, runId, simulate, type Mishap, type Simulation } from './world/simulate.ts'
import { simTypes } from './world/types.ts'

type Verb = 'pause' | 'resume' | 'cancel' | 'rollback'

const partA = `${runId}.A`
/** Waits for ten seconds for a step of A before it does its last. */
const partB = `${runId}.B`
const say = (sim: Simulation, run: string, verb: Verb, by = 'operator-1') =>
  sim.store.command(run, { verb, reason: `${verb}, a test` }, by)
const viewOf = (sim: Simulation, run: string) => readView(sim.store, run).catch(() => undefined)
const stateIn = async (sim: Simulation, run: string, node: string) =>
  (await viewOf(sim, run))?.nodes.get(node)?.state
const records = (sim: Simulation, run: string) => sim.store.read(run, 0, 1e6)

/** Says things in turn, each once its moment has come. */
function inTurn(
  ...turns: [when: (sim: Simulation) => Promise<boolean>, what: (sim: Simulation) => unknown][]
) {
  return async (sim: Simulation) => {
    const [next] = turns
    if (next === undefined || !(await next[0](sim))) return
    turns.shift()
    await next[1](sim)
  }
}

/** Whether the fleet is paused, and the runs that its systems have so far are too. */
async function allPaused(sim: Simulation): Promise<boolean> {
  const rows = await sim.store.runs({ parent: runId })
  const open = rows.filter(({ endedAt }) => endedAt === null)
  return (await sim.store.run(runId))?.state === 'paused' && open.every(({ state }) => state === 'paused')
}

/** Pauses the fleet once so many points are passed, resumes it `forMs` after that was taken, and does so again. */
function pausing(random: Random, times: number) {
  let left = times
  let at = 10 + random.below(60)
  let until: number | undefined
  return async (sim: Simulation) => {
    const state = (await sim.store.run(runId))?.state
    if (state === 'paused') {
      until ??= sim.clock.now() + random.below(4_000)
      if (sim.clock.now() < until) return
      until = Number.POSITIVE_INFINITY
      await say(sim, runId, 'resume')
    } else if (state === 'running' && left > 0 && sim.points >= at) {
      const pending = (await viewOf(sim, runId))?.commands.size ?? 0
      if (pending > 0) return
      left -= 1
      until = undefined
      at = sim.points + 5 + random.below(40)
      await say(sim, runId, 'pause')
    }
  }
}

/** How often a run was paused with its fleet, and what it was told so. */
const passedOn = (all: readonly JournalRecord[]) =>
  all.filter(({ event }) => event.kind === 'command' && event.fleet === true)

for (const kind of kinds) {
  test(`${kind}: at every point of a fleet that is paused and resumed at random, no part stays paused`, async () => {
    let [crashes, paused] = [0, 0]
    for (let point = 1; ; point++) {
      const { options } = fleetOf(['A', 'B'], { maxFailures: 0 }, slow)
      const sim = await simulate({
        ...options,
        mishaps: new Map([[point, kind]]),
        between: pausing(new Random(point), 2),
        commandsEveryMs: 50,
        patienceMs: 600_000,
      })
      const where = `${kind} at point ${point}: ${sim.names[point - 1] ?? '(none)'}`
      expect((await sim.store.run(runId))?.state, where).toBe('succeeded')
      await assertOnce(sim, ['A', 'B'], where)
      const told = passedOn(await records(sim, partB)).length
      if (told > 0) paused += 1
      // Said once each: two pauses and two times on at most.
      expect(told, where).toBeLessThanOrEqual(4)
      if (sim.points < point) break
      crashes += 1
    }
    expect(crashes).toBeGreaterThan(40)
    expect(paused).toBeGreaterThan(20)
  })
}

test('seeded fleets with several mishaps, paused and resumed again and again, end and do everything once', async () => {
  let paused = 0
  for (let seed = 1; seed <= 60; seed++) {
    const random = new Random(seed)
    const mishaps = new Map<number, Mishap>()
    for (let at = 0; mishaps.size < 4;) mishaps.set((at += 1 + random.below(60)), random.pick(kinds))
    const { options } = fleetOf(['A', 'B', 'C'], { maxFailures: 0, ramp: [1] }, slow)
    const between = pausing(random, 4)
    const sim = await simulate({ ...options, mishaps, between, commandsEveryMs: 50, patienceMs: 3_000_000 })
    expect((await sim.store.run(runId))?.state, `seed ${seed}`).toBe('succeeded')
    await assertOnce(sim, ['A', 'B', 'C'], `seed ${seed}`)
    const told = await Promise.all([partA, partB].map(async (part) => passedOn(await records(sim, part))))
    if (told.flat().length > 0) paused += 1
  }
  expect(paused).toBeGreaterThan(20)
})

test('a part that a person paused alone stays paused when its fleet goes on, and the fleet says so', async () => {
  const { options } = fleetOf(['A', 'B'], { maxFailures: 0 }, slow)
  const seen: unknown[] = []
  const sim = await simulate({
    ...options,
    between: inTurn(
      [async (now) => (await childState(now, 'B')) === 'running', (now) => say(now, partB, 'pause', 'sre-1')],
      [async (now) => (await childState(now, 'B')) === 'paused', (now) => say(now, runId, 'pause')],
      [
        async (now) => (await viewOf(now, partB))?.paused?.fleet != null && (await allPaused(now)),
        (now) => say(now, runId, 'resume'),
      ],
      [
        async (now) => (await childState(now, 'A')) === 'succeeded',
        async (now) => {
          const fleet = await readView(now.store, runId)
          seen.push(await childState(now, 'B'), whyNode(fleet, 'B')?.text.en)
          await say(now, partB, 'resume', 'sre-1')
        },
      ],
    ),
  })
  expect(seen).toEqual(['paused', `its own run ${partB} alone is paused by sre-1: pause, a test`])
  expect((await sim.store.run(runId))?.state).toBe('succeeded')
  const node = (await readView(sim.store, runId)).nodes.get('B')
  expect(node?.pausedAlone).toBeNull()
  await assertOnce(sim, ['A', 'B'])
})

test('a part does not go on alone while its fleet is paused', async () => {
  const { options } = fleetOf(['A', 'B'], { maxFailures: 0 }, slow)
  const asked: Promise<unknown>[] = []
  const sim = await simulate({
    ...options,
    between: inTurn(
      [async (now) => (await childState(now, 'B')) === 'running', (now) => say(now, partB, 'pause', 'sre-1')],
      [async (now) => (await childState(now, 'B')) === 'paused', (now) => say(now, runId, 'pause')],
      // Its own pause may end; that of the fleet stands.
      [async (now) => (await viewOf(now, partB))?.paused?.fleet != null, (now) => say(now, partB, 'resume')],
      [
        async (now) => (await viewOf(now, partB))?.paused?.own === null,
        (now) => {
          const again = now.engine.ask(partB, { verb: 'resume', reason: 'on' }, 'sre-1')
          asked.push(again.catch((error: unknown) => error))
        },
      ],
      [async () => true, async (now) => expect(await childState(now, 'B')).toBe('paused')],
      [async () => true, (now) => say(now, runId, 'resume')],
    ),
  })
  const refused = await asked[0]
  expect(isHaetaeError(refused, 'verb-refused') && refused.why).toBe(
    `operator-1 has paused it with its fleet: resume run ${runId}`,
  )
  expect((await sim.store.run(runId))?.state).toBe('succeeded')
})

test.each(['cancel', 'rollback'] as const)(
  '%s of a fleet ends parts that are paused, with it and alone',
  async (verb) => {
    const { options } = fleetOf(['A', 'C'], { maxFailures: 0 }, slow)
    const sim = await simulate({
      ...options,
      patienceMs: 600_000,
      between: inTurn(
        [
          async (now) => (await childState(now, 'A')) === 'running',
          (now) => say(now, partA, 'pause', 'sre-1'),
        ],
        [async (now) => (await childState(now, 'A')) === 'paused', (now) => say(now, runId, 'pause')],
        [allPaused, (now) => say(now, runId, verb)],
      ),
    })
    const outcome = verb === 'cancel' ? 'canceled' : 'rolled-back'
    expect((await sim.store.run(runId))?.state).toBe(outcome)
    expect([await childState(sim, 'A'), await childState(sim, 'C')]).toEqual([outcome, outcome])
    expect(passedOn(await records(sim, partA)).map(({ event }) => event)).toMatchObject([
      { command: { verb: 'pause' } },
      { command: { verb } },
    ])
  },
)

test('a part that only cleans up goes on when its paused fleet is rolled back', async () => {
  const clean = node('A/clean', 'sim.set', [], { after: ['A/set', 'A/check'], finally: true })
  const plan = planOf([...childPlan('A', [], slow).subject.nodes, clean])
  const sim = await simulate({
    ...fleetOf(['A']).options,
    plan: fleetPlan(new Map([['A', { plan, prerequisites: [] }]])),
    planChild: async () => plan,
    patienceMs: 600_000,
    between: inTurn(
      [
        async (now) => (await stateIn(now, partA, 'A/notify')) === 'succeeded',
        (now) => say(now, runId, 'pause'),
      ],
      [
        async (now) => (await stateIn(now, partA, 'A/check')) === 'succeeded' && (await allPaused(now)),
        (now) => say(now, runId, 'rollback'),
      ],
    ),
  })
  expect((await sim.store.run(runId))?.state).toBe('rolled-back')
  expect([await childState(sim, 'A'), await stateIn(sim, partA, 'A/clean')]).toEqual([
    'succeeded',
    'succeeded',
  ])
})

test('a fleet that is paused and then canceled while it is rolled back takes its parts along', async () => {
  const asks = { ...(simTypes.get('sim.clear') as AnyStepType), judge: () => 'unclear' as const }
  const sim = await simulate({
    ...fleetOf(['A'], { maxFailures: 0 }, slow).options,
    types: new Map([['sim.clear', asks]]),
    patienceMs: 600_000,
    between: inTurn(
      [
        async (now) => (await stateIn(now, partA, 'A/notify')) === 'succeeded',
        (now) => say(now, runId, 'rollback'),
      ],
      [
        async (now) => (await stateIn(now, partA, 'A/set~undo')) === 'needs-person',
        (now) => say(now, runId, 'pause'),
      ],
      [allPaused, (now) => say(now, runId, 'resume')],
      [async (now) => (await childState(now, 'A')) === 'needs-person', (now) => say(now, runId, 'cancel')],
    ),
  })
  expect([(await sim.store.run(runId))?.state, await childState(sim, 'A')]).toEqual(['canceled', 'canceled'])
  expect(passedOn(await records(sim, partA)).map(({ event }) => event)).toMatchObject(
    ['rollback', 'pause', 'resume', 'cancel'].map((verb) => ({ command: { verb } })),
  )
})

test('a fleet that is taken over ends with its parts, whoever holds them', async () => {
  const { options } = fleetOf(['A', 'C'], { maxFailures: 0 }, slow)
  let over = false
  const sim = await simulate({
    ...options,
    between: async (now) => {
      if (over || (await childState(now, 'A')) !== 'running') return
      over = true
      await now.engine.takeOver(runId, ['approver-1', 'approver-2'], 'its daemon hangs')
    },
  })
  expect(over).toBe(true)
  expect([await childState(sim, 'A'), await childState(sim, 'C')]).toEqual(['canceled', 'canceled'])
  expect(await sim.store.runs({ open: true })).toEqual([])
  expect(await sim.store.locks()).toEqual([])
})
