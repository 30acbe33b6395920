import { expect, test } from 'vitest'
import { memoryJournal } from '#engine/journal/memory.ts'
import { readView } from '#engine/run-reader.ts'
import { requestsEndAt, type RunView } from '#engine/state/view.ts'
import { whyNode } from '#engine/state/why.ts'
import { digestOf } from '#model/digest.ts'
import type { Plan, PlanMode } from '#plan/plan.ts'
import type { AnyStepType } from '#runbook/step-type.ts'
import { violations } from './world/check.ts'
import { VirtualClock } from './world/clock.ts'
import { limits, node, planOf } from './world/plans.ts'
import {
  mishaps as kinds,
  requester,
  runId,
  simulate,
  type Mishap,
  type Simulation,
} from './world/simulate.ts'
import { simType } from './world/types.ts'

/** An effect whose intent stood when the hold was ended may still happen: it is told as unknown. */
const mayHappen = /without the run's term|after its attempt was closed/

async function wrong(sim: Simulation): Promise<string[]> {
  return (await violations(sim)).filter((violation) => !mayHappen.test(violation))
}

function drill(): Plan {
  const plan = planOf([
    node('A/one', 'sim.set'),
    node('A/two', 'sim.keyed', ['A/one']),
    node('A/three', 'sim.set', ['A/two']),
    node('A/clean', 'sim.set', [], { after: ['A/one', 'A/two', 'A/three'], finally: true }),
  ])
  return { ...plan, subject: { ...plan.subject, mode: 'drill' as PlanMode } }
}

/** Creates a failover that holds the same system for a while, once so many points were passed. */
function disaster(atPoint: number, ms = 500) {
  const plan = planOf([node('A/rest', 'wait', [], { waitFor: { kind: 'time', ms } })])
  let created = false
  return async (sim: Simulation) => {
    if (created || sim.points < atPoint || (await sim.store.run(runId)) === undefined) return
    created = true
    await sim.store.create({ id: 'real', plan, requester: 'operator-2', reason: 'fire', systems: ['A'] })
  }
}

test('a drill gives way to a failover at every point, and cleans up when its systems are free again', async () => {
  let preempted = 0
  for (let point = 1; ; point++) {
    for (const kind of [undefined, kinds[point % kinds.length]]) {
      const mishaps = new Map<number, Mishap>(kind === undefined ? [] : [[point + 4, kind]])
      const between = disaster(point)
      const sim = await simulate({ plan: withDigest(drill()), mishaps, between, commandsEveryMs: 50 })
      const where = `failover at point ${point}, ${kind ?? 'no mishap'}: ${sim.names[point - 1] ?? '(none)'}`
      expect(await wrong(sim), where).toEqual([])
      const view = await readView(sim.store, runId)
      if (view.state === 'succeeded') continue
      expect(view.state, where).toBe('canceled')
      const real = await sim.store.run('real')
      const clean = sim.world.landed.find((change) => change.node === 'A/clean')
      const begun = (await sim.store.read(runId, 0, 1e6)).map(({ event }) => event)
      const at = begun.findIndex(({ kind }) => kind === 'run-preempted')
      const before = begun.slice(0, at).some((one) => one.kind === 'intended' && one.node === 'A/clean')
      if (clean === undefined || before) continue
      expect(clean.at, where).toBeGreaterThanOrEqual(Date.parse(real?.endedAt ?? ''))
      preempted += 1
    }
    if (point > 60) break
  }
  expect(preempted).toBeGreaterThan(20)
})

test('what cleans up says which run holds its systems', async () => {
  let said: string | undefined
  const create = disaster(20, 2 * limits.attemptMs)
  const sim = await simulate({
    plan: withDigest(drill()),
    commandsEveryMs: 50,
    between: async (now) => {
      await create(now)
      if ((await now.store.run('real')) === undefined) return
      const why = whyNode(await readView(now.store, runId), 'A/clean')
      if (why?.reason === 'lock') said = why.text.en
    },
  })
  expect(said).toBe('run real holds its systems')
  expect((await sim.store.run(runId))?.state).toBe('canceled')
})

const people = ['approver-1', 'commander-1']

test('a run that is taken over at any point begins nothing more, is looked at and has ended, and is told as it was left', async () => {
  let taken = 0
  let looked = 0
  for (let point = 1; point < 60; point++) {
    for (const kind of [undefined, 'freeze', 'kill, other daemon'] as const) {
      const mishaps = new Map<number, Mishap>(kind === undefined ? [] : [[point, kind]])
      let over = false
      const sim = await simulate({
        plan: withDigest(drill()),
        mishaps,
        between: async (now) => {
          if (over || now.points < point || (await now.store.run(runId)) === undefined) return
          over = true
          await now.store.takeOver(runId, people, 'its holder hangs').catch(() => {})
        },
      })
      const where = `taken over at point ${point}, ${kind ?? 'no mishap'}: ${sim.names[point - 1] ?? '(none)'}`
      expect(await wrong(sim), where).toEqual([])
      const records = await sim.store.read(runId, 0, 1e6)
      const at = records.findIndex(({ event }) => event.kind === 'run-taken-over')
      if (at < 0) continue
      expect(records.at(-1)?.event, where).toEqual({ kind: 'run-ended', outcome: 'canceled' })
      expect(await sim.store.locks(), where).toEqual([])
      const after = records.slice(at).map(({ event }) => event.kind)
      expect(after, where).not.toContain('intended')
      const view = await readView(sim.store, runId)
      // Only a process that stands still for longer than its deadline acts behind what was told.
      if (kind !== 'freeze') expect(told(sim, view), where).toEqual([])
      taken += 1
      if (after.includes('term-taken')) looked += 1
    }
  }
  expect(taken).toBeGreaterThan(40)
  expect(looked).toBeGreaterThan(10)
})

/** Steps that happened and are told otherwise, or the other way round. */
function told(sim: Simulation, view: RunView): string[] {
  return [...view.nodes.values()].flatMap(({ id, state, canceled }) => {
    const happened = sim.world.landed.some((change) => change.node === id)
    const said = canceled === null ? state : canceled.left
    const right = happened ? ['succeeded', 'adopted', 'unknown'] : ['untouched', 'absent', 'unknown']
    return right.includes(said) ? [] : [`${id} is told as ${said}, and happened: ${happened}`]
  })
}

/** A request that reaches its target after so long, although its process is gone; and a take-over before. */
async function takenOverMidway(precondition: AnyStepType['precondition'], landsAfterMs: number) {
  const types = new Map([
    [
      'slow',
      simType('slow', 'idempotent', {
        precondition,
        apply: async (ctx, { thing }, seen) => {
          const about = { key: ctx.key, node: ctx.nodeId, by: ctx.readers.process, epoch: null, late: true }
          ctx.readers.world.onTheWay += 1
          await ctx.readers.world.clock.sleep(landsAfterMs)
          ctx.readers.world.onTheWay -= 1
          ctx.readers.world.change(thing, precondition.kind === 'checked' ? seen.version : 'always', about)
          return { version: 1 }
        },
      }),
    ],
  ])
  let over = false
  const sim = await simulate({
    plan: planOf([node('A/one', 'slow'), node('A/two', 'sim.set', ['A/one'])]),
    types,
    between: async (now) => {
      if (over || now.world.onTheWay === 0) return
      over = true
      now.processes[0]?.kill()
      now.bootAnother()
      await now.store.takeOver(runId, people, 'its holder hangs')
      expect((await now.store.locks()).map(({ runId: by }) => by)).toEqual([runId])
    },
  })
  const one = (await readView(sim.store, runId)).nodes.get('A/one')
  const row = await sim.store.run(runId)
  return { sim, row, one, said: one?.canceled?.left ?? one?.state }
}

test('an effect that was under way is waited for until its deadline, and adopted when it came', async () => {
  for (const precondition of [
    { kind: 'checked', by: 'version' },
    { kind: 'unfenced', why: '-' },
  ] as const) {
    const { sim, row, said } = await takenOverMidway(precondition, 4_000)
    expect([row?.state, said, sim.world.landed.length], precondition.kind).toEqual(['canceled', 'adopted', 1])
  }
})

test('an effect that did not come by its deadline is absent, and unknown where its target refuses nothing', async () => {
  const checked = await takenOverMidway({ kind: 'checked', by: 'version' }, 60_000)
  expect([checked.row?.state, checked.said]).toEqual(['canceled', 'absent'])
  expect(Date.parse(checked.row?.endedAt ?? '') - Date.parse(checked.one?.startedAt ?? '')).toBeGreaterThan(
    limits.attemptMs,
  )
  const unfenced = await takenOverMidway({ kind: 'unfenced', why: 'it takes anything' }, 60_000)
  expect([unfenced.row?.state, unfenced.said]).toEqual(['canceled', 'unknown'])
})

test('a run that nobody looks at is ended by a second take-over once its time to look is over, not before', async () => {
  const clock = new VirtualClock()
  const store = memoryJournal(clock)
  const plan = planOf([node('A/one', 'sim.set')])
  await store.create({ id: runId, plan, requester, reason: 'a drill', systems: ['A'] })
  const term = await store.acquire(runId, { daemon: 'd', incarnation: 'd/1' }, 60_000)
  if (term === undefined) throw new Error('a new run was not free')
  const intent = { kind: 'intended' as const, node: 'A/one', attempt: 1, input: '', key: '', epoch: null }
  await store.append(term, [{ kind: 'run-started' }, intent])
  const again = () => store.takeOver(runId, people, 'nobody looks')
  await again()
  const first = await store.run(runId)
  await again()
  expect(await store.run(runId)).toEqual(first)
  expect(first).toMatchObject({ state: 'running', holder: null })
  void clock.sleep(3 * limits.attemptMs + 60_000)
  clock.advance()
  await again()
  expect(await store.run(runId)).toMatchObject({ state: 'canceled' })
  expect((await readView(store, runId)).nodes.get('A/one')?.canceled?.left).toBe('unknown')
})

function withDigest(plan: Plan): Plan {
  return { ...plan, digest: digestOf(plan.subject) }
}

test('time that the journal took to answer is none that an effect has: whoever takes over waits for it no longer', async () => {
  const one = node('A/one', 'sim.slow', [], { limits: { ...limits, attemptMs: 1_000 } })
  const landed: number[] = []
  const slow = simType('sim.slow', 'idempotent', {
    async apply(ctx) {
      await ctx.clock.sleep(800, ctx.signal)
      landed.push(ctx.clock.now())
      return { version: 1 }
    },
  })
  let isLate = true
  let clock: VirtualClock | undefined
  const sim = await simulate({
    plan: planOf([one]),
    types: new Map([['sim.slow', slow]]),
    mutate: (journal) => ({
      ...journal,
      async append(term, events) {
        const written = await journal.append(term, events)
        if (isLate && events.some(({ kind }) => kind === 'intended')) {
          isLate = false
          await clock?.sleep(900)
        }
        return written
      },
    }),
    between: (now) => void (clock = now.clock),
  })
  const attempts = (await readView(sim.store, runId)).nodes.get('A/one')?.attempts ?? []
  expect(attempts.map(({ outcome }) => outcome)).toEqual(['unknown', 'applied'])
  const [at = 0] = landed
  const last = attempts.at(-1)
  expect(last && at >= Date.parse(last.startedAt) && at <= requestsEndAt(last, one)).toBe(true)
})
