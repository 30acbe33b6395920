import { expect, test } from 'vitest'
import { readView } from '#engine/run-reader.ts'
import type { Command } from '#engine/state/events.ts'
import { whyNode } from '#engine/state/why.ts'
import { PartlyDone, Unreachable } from '#runbook/step-type.ts'
import { landed, run } from './world/answering.ts'
import { violations } from './world/check.ts'
import { gate, limits, node, planOf, randomPlan } from './world/plans.ts'
import { Random } from './world/random.ts'
import { mishaps as kinds, runId, simulate, type Mishap, type Simulation } from './world/simulate.ts'
import { simType } from './world/types.ts'

const seconds = { verify: { withinMs: 2_000, everyMs: 100 } }
const roll = { verb: 'rollback', reason: 'the wrong site' } satisfies Command

/** Asks for a roll back once `when` holds. */
function rolling(when: (sim: Simulation) => boolean) {
  let asked = false
  return async (sim: Simulation) => {
    if (asked || !when(sim) || (await sim.store.run(runId)) === undefined) return
    asked = true
    await sim.store.command(runId, roll, 'commander-1').catch(() => {})
  }
}

/** Three steps in a row that can be taken back, one beside them, one that cannot, and one at the end. */
function reversible() {
  return planOf([
    gate('approve'),
    node('A/one', 'sim.set', ['approve'], seconds),
    node('A/two', 'sim.set', ['A/one']),
    node('A/beside', 'sim.keyed', ['A/one']),
    node('A/three', 'sim.set', ['A/two', 'A/beside'], seconds),
    node('A/rest', 'wait', ['A/three'], { waitFor: { kind: 'time', ms: 200 } }),
    node('A/clean', 'sim.set', [], { after: ['A/three', 'A/rest'], finally: true }),
  ])
}

/** With a point of no return between, and a second system without one. */
function withPoint() {
  return planOf([
    node('A/acquire', 'sim.acquire'),
    node('A/suspend', 'sim.set'),
    node('A/stop', 'sim.set', ['A/acquire']),
    node('A/promote', 'sim.promote', ['A/stop']),
    node('A/start', 'sim.set', ['A/promote'], seconds),
    node('B/one', 'sim.set'),
    node('B/rest', 'wait', ['A/start', 'B/one', 'A/suspend'], { waitFor: { kind: 'time', ms: 300 } }),
  ])
}

const undone = (sim: Simulation) => landed(sim).filter((id) => id.endsWith('~undo'))

test('what was done is taken back in reverse order, then the run cleans up and is rolled back', async () => {
  const plan = reversible()
  const between = rolling((sim) => landed(sim).includes('A/three'))
  const { sim, view, state } = await run({ plan, between, commandsEveryMs: 1 })
  expect(landed(sim).slice(4)).toEqual(['A/three~undo', 'A/two~undo', 'A/one~undo', 'A/clean'])
  expect([view.state, state('A/rest'), state('A/clean')]).toEqual(['rolled-back', 'canceled', 'succeeded'])
  expect(view.undo?.left.map((each) => [each.node, each.why.en])).toEqual([
    ['A/beside', 'its type has no inverse'],
  ])
  expect(view.rollingBack).toMatchObject({ by: 'commander-1', reason: 'the wrong site' })
  const row = await sim.store.run(runId)
  expect([row?.state, row?.nodes, row?.nodesDone]).toEqual(['rolled-back', 10, 10])
})

/** The first system cleans up while the second one is at work still. */
function cleansUpEarly() {
  return planOf([
    node('A/one', 'sim.set'),
    node('A/clean', 'slow', [], { after: ['A/one'], finally: true }),
    node('A/tidy', 'sim.set', [], { after: ['A/one', 'B/two'], finally: true }),
    node('B/one', 'sim.set'),
    node('B/rest', 'wait', ['B/one'], { waitFor: { kind: 'time', ms: 4_000 } }),
    node('B/two', 'sim.set', ['B/rest']),
  ])
}

const cleaning = new Map([
  [
    'slow',
    simType('slow', 'idempotent', {
      apply: async (ctx, { thing }, seen) => {
        const about = { key: ctx.key, node: ctx.nodeId, by: ctx.readers.process, epoch: null, late: false }
        await ctx.readers.world.clock.sleep(2_000)
        ctx.readers.world.change(thing, seen.version, about)
        return { version: 1 }
      },
    }),
  ],
])

test('what cleans up and had begun ends before anything is taken back, what had not begun runs after', async () => {
  const plan = cleansUpEarly()
  const begun = (sim: Simulation) => landed(sim).length >= 2 && sim.clock.now() % 1_000 > 500
  const { sim, view } = await run({ plan, types: cleaning, between: rolling(begun), commandsEveryMs: 10 })
  expect(landed(sim).slice(0, 2).toSorted()).toEqual(['A/one', 'B/one'])
  expect(landed(sim)[2]).toBe('A/clean')
  expect(landed(sim).slice(3, 5).toSorted()).toEqual(['A/one~undo', 'B/one~undo'])
  expect(landed(sim).slice(5)).toEqual(['A/tidy'])
  expect(view.state).toBe('rolled-back')
})

test('a roll back at every point beside steps that clean up, with a mishap: the order is kept', async () => {
  let rolled = 0
  for (let point = 1; ; point++) {
    for (const kind of [undefined, ...kinds]) {
      const mishaps = new Map<number, Mishap>(kind === undefined ? [] : [[point + 2, kind]])
      const between = rolling((sim) => sim.points >= point)
      const plan = cleansUpEarly()
      const sim = await simulate({ plan, types: cleaning, mishaps, between, commandsEveryMs: 10 })
      const where = `rolled back at ${point}, ${kind ?? 'no mishap'}: ${sim.names[point - 1] ?? '(none)'}`
      expect(await violations(sim), where).toEqual([])
      const row = await sim.store.run(runId)
      expect(['rolled-back', 'succeeded'], where).toContain(row?.state)
      if (row?.state === 'rolled-back') rolled += 1
      if (kind === undefined && sim.points < point) return expect(rolled).toBeGreaterThan(40)
    }
  }
})

test('a roll back stops at a point of no return: what stands before it and beside it is told and left', async () => {
  const between = rolling((sim) => landed(sim).includes('A/start') && landed(sim).includes('B/one'))
  const { sim, view } = await run({ plan: withPoint(), between, commandsEveryMs: 1 })
  expect(view.state).toBe('rolled-back')
  expect(undone(sim).toSorted()).toEqual(['A/start~undo', 'B/one~undo'])
  expect(Object.fromEntries(view.undo?.left.map((each) => [each.node, each.why.en]) ?? [])).toEqual({
    'A/acquire': 'authority and fences are never taken back',
    'A/suspend': 'it comes before the point of no return A/promote',
    'A/stop': 'it comes before the point of no return A/promote',
    'A/promote': 'it is a point of no return',
  })
})

test('before the point of no return everything is taken back but authority', async () => {
  const between = rolling((sim) => landed(sim).includes('A/stop'))
  const { sim, view } = await run({
    plan: withPoint(),
    between,
    commandsEveryMs: 1,
    assumptions: { broken: async ({ moment }) => (moment === 'start' ? [] : [broken]) },
  })
  expect(view.state).toBe('rolled-back')
  expect(undone(sim).toSorted()).toEqual(['A/stop~undo', 'A/suspend~undo', 'B/one~undo'])
  expect(view.undo?.left.map((each) => each.node)).toEqual(['A/acquire'])
})

const broken = {
  assumption: {
    kind: 'source-silent' as const,
    subject: 'daejeon',
    statement: { ko: '', en: '' },
    bound: {},
  },
  why: 'the source answers',
}

test('an effect that nobody can tell is asked about first, and counts as passed when it is a point of no return', async () => {
  const types = new Map([['sim.murky', murky()]])
  const plan = planOf([
    node('A/one', 'sim.set'),
    node('A/two', 'sim.murky', ['A/one']),
    node('B/one', 'sim.set'),
  ])
  const between = rolling((sim) => sim.names.some((name) => name.startsWith('append asked')))
  const { sim, view, question } = await run({ plan, types, between, commandsEveryMs: 10 })
  expect([view.state, question('A/two')?.reason]).toEqual(['needs-person', 'unclear'])
  expect(undone(sim)).toEqual([])
  const given = await run(
    {
      plan,
      types,
      between: rolling((now) => now.names.some((name) => name.startsWith('append asked'))),
      commandsEveryMs: 10,
    },
    { 'A/two': ['fail'] },
  )
  expect([given.view.state, undone(given.sim)]).toEqual(['rolled-back', ['B/one~undo']])
  expect(given.view.undo?.left.map((each) => [each.node, each.why.en])).toEqual([
    ['A/one', 'it comes before the point of no return A/two'],
    ['A/two', 'what it did is not known'],
  ])
})

test('the next is taken back only when the one behind it is, however long that takes', async () => {
  const types = new Map([
    ['sim.slow', simType('sim.slow', 'idempotent', { invert: ({ thing }) => slowly(thing) })],
    ['sim.slow-clear', slowClear()],
  ])
  const rest = node('A/rest', 'wait', ['A/two'], { waitFor: { kind: 'time', ms: 9_000 } })
  const plan = planOf([node('A/one', 'sim.set'), node('A/two', 'sim.slow', ['A/one']), rest])
  const between = rolling((sim) => landed(sim).includes('A/two'))
  const { sim, view } = await run({ plan, types, between, commandsEveryMs: 10 })
  expect([view.state, undone(sim)]).toEqual(['rolled-back', ['A/two~undo', 'A/one~undo']])
  expect(view.nodes.get('A/two~undo')?.attempts).toHaveLength(1)
})

function slowly(thing: string) {
  return { type: 'sim.slow-clear', with: { thing } }
}

function slowClear() {
  return simType('sim.slow-clear', 'idempotent', {
    judge: (_input, seen) => (seen.on === true ? 'absent' : 'holds'),
    apply: async (ctx, { thing }, seen) => {
      await ctx.clock.sleep(2_000)
      ctx.readers.world.change(thing, seen.version, {
        ...{ key: ctx.key, node: ctx.nodeId, by: ctx.readers.process, epoch: null, late: false, off: true },
      })
      return { version: 0 }
    },
  })
}

test('a step is taken back to what was seen before its first try that may have done something', async () => {
  const halves = simType('sim.halves', 'idempotent', {
    judge: (_input, seen) => (seen.version >= 2 ? 'holds' : 'absent'),
    invert: ({ thing }, before) => ({ type: 'sim.clear', with: { thing, from: before.version } }),
    apply: async (ctx, { thing }, seen) => {
      ctx.readers.world.change(thing, seen.version, {
        ...{ key: ctx.key, node: ctx.nodeId, by: ctx.readers.process, epoch: null, late: false },
      })
      if (seen.version === 0) throw new Unreachable(thing, new Error('reset'))
      return { version: 2 }
    },
  })
  const { view } = await run({
    plan: planOf([node('A/one', 'sim.halves')]),
    types: new Map([['sim.halves', halves]]),
  })
  expect(view.nodes.get('A/one')?.attempts).toHaveLength(2)
  expect(view.nodes.get('A/one')?.undo).toEqual({ type: 'sim.clear', with: { thing: 'A/one', from: 0 } })
})

test('what asked a person is looked at again, and taken back when it holds by now', async () => {
  let broken = true
  const stubborn = simType('sim.stubborn', 'idempotent', {
    judge: (_input, seen) => (seen.on && !broken ? 'holds' : 'absent'),
    invert: ({ thing }) => ({ type: 'sim.clear', with: { thing } }),
  })
  const types = new Map([['sim.stubborn', stubborn]])
  const plan = planOf([
    node('A/one', 'sim.set'),
    node('A/two', 'sim.stubborn', ['A/one'], {
      ...seconds,
      limits: { attemptMs: 1_000, totalMs: 9_000, retryMax: 0, retryBaseMs: 10 },
    }),
  ])
  const roll = rolling((sim) => sim.names.some((name) => name.includes('asked')))
  const { sim, view, state } = await run({
    plan,
    types,
    commandsEveryMs: 10,
    between: async (now) => {
      await roll(now)
      if (now.names.some((name) => name.includes('asked'))) broken = false
    },
  })
  expect([view.state, state('A/two')]).toEqual(['rolled-back', 'adopted'])
  expect(undone(sim)).toEqual(['A/two~undo', 'A/one~undo'])
})

/** Somebody changes a thing while the run rests behind its third step, and then the run is rolled back. */
function somebodyChanging(thing: string) {
  let changed = false
  return rolling((sim) => {
    if (!landed(sim).includes('A/three')) return false
    if (!changed) sim.world.meddle(thing)
    changed = true
    return true
  })
}

test('what somebody changed since a step is not taken back: a person is asked, and it is told what was left so', async () => {
  const plan = reversible()
  const options = { plan, commandsEveryMs: 10 }
  const asked = await run({ ...options, between: somebodyChanging('A/two') })
  expect(asked.view.state).toBe('needs-person')
  expect(asked.question('A/two~undo')).toMatchObject({
    reason: 'changed',
    facts: { changed: [{ target: 'A/two', left: 1, found: 2 }] },
    choices: ['retry', 'holds', 'fail'],
  })
  expect(undone(asked.sim)).toEqual(['A/three~undo'])
  expect(asked.sim.world.see('A/two')).toMatchObject({ version: 2, on: true })

  const left = await run({ ...options, between: somebodyChanging('A/two') }, { 'A/two~undo': ['holds'] })
  expect([left.view.state, undone(left.sim)]).toEqual(['rolled-back', ['A/three~undo', 'A/one~undo']])
  const told = 'somebody changed it since, and commander-1 left it so: as discussed'
  expect(left.view.undo?.left.find(({ node: id }) => id === 'A/two')?.why.en).toBe(told)
  expect(whyNode(left.view, 'A/two~undo')?.text.en).toBe(told)
  expect(left.sim.world.see('A/two')).toMatchObject({ version: 2, on: true })

  const given = await run({ ...options, between: somebodyChanging('A/two') }, { 'A/two~undo': ['fail'] })
  expect([given.view.state, undone(given.sim)]).toEqual(['failed', ['A/three~undo']])
  expect(given.state('A/one~undo')).toBe('canceled')
})

test('what somebody set back already is not taken back again', async () => {
  let done = false
  const between = rolling((sim) => {
    if (!landed(sim).includes('A/three')) return false
    if (!done) sim.world.meddle('A/two', false)
    done = true
    return true
  })
  const { sim, view, state } = await run({ plan: reversible(), between, commandsEveryMs: 1 })
  expect([view.state, state('A/two~undo')]).toEqual(['rolled-back', 'adopted'])
  expect(undone(sim)).toEqual(['A/three~undo', 'A/one~undo'])
})

test('a step that found its state there already is not taken back', async () => {
  let there = false
  const roll = rolling((sim) => landed(sim).includes('A/three'))
  const between = async (sim: Simulation) => {
    if (!there) sim.world.meddle('A/two')
    there = true
    await roll(sim)
  }
  const sim = await simulate({ plan: reversible(), between, commandsEveryMs: 1 })
  const view = await readView(sim.store, runId)
  expect([view.state, view.nodes.get('A/two')?.state]).toEqual(['rolled-back', 'adopted'])
  expect(undone(sim)).toEqual(['A/three~undo', 'A/one~undo'])
  expect(view.undo?.left.map((each) => each.node)).toEqual(['A/beside'])
})

test('a step that failed behind a part of its effect is taken back to what was before that', async () => {
  const parts = simType('sim.parts', 'idempotent', {
    judge: (_input, seen) => (seen.version >= 2 ? 'holds' : 'absent'),
    invert: ({ thing }, before) => ({ type: 'sim.clear', with: { thing, from: before.version + 2 } }),
    apply: async (ctx, { thing }, seen) => {
      ctx.readers.world.change(thing, seen.version, {
        ...{ key: ctx.key, node: ctx.nodeId, by: ctx.readers.process, epoch: null, late: false },
      })
      if (seen.version === 0) throw new PartlyDone(new Error('the second was refused'))
      return { version: 2 }
    },
  })
  const types = new Map([['sim.parts', parts]])
  const sim = await simulate({ plan: planOf([node('A/one', 'sim.parts')]), types })
  const view = await readView(sim.store, runId)
  expect(view.nodes.get('A/one')).toMatchObject({
    attempts: [{ outcome: 'unknown' }, { outcome: 'applied' }],
    undo: { with: { from: 2 } },
  })
})

function murky() {
  return simType('sim.murky', 'point-of-no-return', {
    judge: (_input, seen) => (seen.version === 0 ? 'absent' : 'unclear'),
    apply: async (ctx, { thing }, seen) => {
      ctx.readers.world.change(thing, seen.version, {
        ...{ key: ctx.key, node: ctx.nodeId, by: ctx.readers.process, epoch: 7, late: false },
      })
      throw new Unreachable(thing, new Error('reset'))
    },
  })
}

test('a roll back at every point, and killed at every point of it, takes each step back once', async () => {
  let crashes = 0
  const ends = new Map<string, number>()
  for (let at = 12; at < 60; at += 2) {
    for (let point = at + 1; ; point += 2) {
      const kind = kinds[(at + point) % kinds.length] ?? 'freeze'
      const mishaps = new Map<number, Mishap>([[point, kind]])
      const between = rolling((sim) => sim.points >= at)
      const sim = await simulate({ plan: reversible(), mishaps, between, commandsEveryMs: 10 })
      const where = `rolled back at ${at}, ${kind} at ${point}: ${sim.names[point - 1] ?? '(none)'}`
      expect(await violations(sim), where).toEqual([])
      const { state, commands } = await readView(sim.store, runId)
      if (state === 'rolled-back') expect(commands.size, where).toBe(0)
      ends.set(state, (ends.get(state) ?? 0) + 1)
      expect(['rolled-back', 'succeeded'], where).toContain(state)
      if (sim.points < point) break
      crashes += 1
    }
  }
  expect(crashes).toBeGreaterThan(100)
  expect(ends.get('rolled-back')).toBeGreaterThan(80)
})

test('seeded runs with a world that answers badly, crashes, and people who pause, resume and roll back', async () => {
  const ends = new Map<string, number>()
  const seeds = Number(process.env.HAETAE_SIM_SEEDS ?? 80)
  const first = Number(process.env.HAETAE_SIM_FROM ?? 1)
  for (let seed = first; seed < first + seeds; seed++) {
    const random = new Random(seed)
    const mishaps = new Map<number, Mishap>()
    for (let at = 0; random.chance(0.8) && mishaps.size < 5;) {
      at += 1 + random.below(80)
      mishaps.set(at, random.pick(kinds))
    }
    const between = whims(random)
    const sim = await simulate({
      plan: randomPlan(random),
      mishaps,
      faults: random,
      latencyMs: () => random.below(8),
      commandsEveryMs: 20,
      between,
    })
    expect(await violations(sim), `seed ${seed}`).toEqual([])
    const state = (await sim.store.run(runId))?.state ?? 'none'
    ends.set(state, (ends.get(state) ?? 0) + 1)
  }
  if (seeds >= 80)
    expect([...ends.keys()]).toEqual(expect.arrayContaining(['rolled-back', 'canceled', 'succeeded']))
})

/** People who pause, resume, roll back and cancel at moments of their own; who pauses resumes. */
function whims(random: Random) {
  const rollback = random.chance(0.2) ? Infinity : 50 + random.below(400)
  const at = { pause: random.below(400), rollback, cancel: random.below(3_000) }
  const asked = new Set<string>()
  return async (sim: Simulation) => {
    const row = await sim.store.run(runId)
    if (row === undefined) return
    const passed = sim.clock.now() - Date.parse(row.createdAt)
    const say = async (verb: 'pause' | 'resume' | 'rollback' | 'cancel') => {
      asked.add(verb)
      await sim.store.command(runId, { verb, reason: 'a whim' }, 'commander-1').catch(() => {})
    }
    if (passed >= at.pause && !asked.has('pause')) await say('pause')
    if (row.state === 'paused' && passed >= at.pause + 500 && !asked.has('resume')) await say('resume')
    if (passed >= at.rollback && !asked.has('rollback')) await say('rollback')
    if (passed >= at.cancel && at.cancel < 500 && !asked.has('cancel')) await say('cancel')
  }
}

test('the time in which others are taken back is none of a step at the end that waited for it', async () => {
  const rest = (ms: number) => ({ waitFor: { kind: 'time' as const, ms } })
  const long = 2 * limits.totalMs
  const plan = planOf([
    node('A/one', 'sim.set', [], { limits: { ...limits, attemptMs: 2 * long, totalMs: 2 * long } }),
    node('A/pause', 'wait', ['A/one'], rest(1_000)),
    node('A/clean', 'sim.set', [], { after: ['A/one', 'A/pause'], finally: true }),
    node('A/rest', 'wait', ['A/pause'], rest(60_000)),
  ])
  const slow = simType('sim.clear', 'idempotent', {
    judge: () => 'absent',
    async apply(ctx, _input, { version }) {
      await ctx.clock.sleep(long, ctx.signal)
      return { version }
    },
  })
  let said = 0
  const sim = await simulate({
    plan,
    types: new Map([['sim.clear', slow]]),
    commandsEveryMs: 1,
    patienceMs: 4 * long,
    between: async ({ store }) => {
      const view = await readView(store, runId).catch(() => undefined)
      const say = async (verb: 'pause' | 'rollback') => {
        said += 1
        await store.command(runId, { verb, reason: 'a test' }, 'operator-1')
      }
      if (said === 0 && view?.nodes.get('A/one')?.state === 'succeeded') await say('pause')
      const isHeld = view?.paused != null && view.nodes.get('A/pause')?.state === 'succeeded'
      if (said === 1 && isHeld) await say('rollback')
    },
  })
  const view = await readView(sim.store, runId)
  expect([view.state, view.nodes.get('A/clean')?.state]).toEqual(['rolled-back', 'succeeded'])
})
