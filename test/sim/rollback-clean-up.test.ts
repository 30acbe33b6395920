import { expect, test } from 'vitest'
import { readView } from '#engine/run-reader.ts'
import { landed, run } from './world/answering.ts'
import { violations } from './world/check.ts'
import { limits, node, planOf } from './world/plans.ts'
import { rolling } from './world/rolling-back.ts'
import { mishaps as kinds, runId, simulate, type Mishap, type Simulation } from './world/simulate.ts'
import { change, simType } from './world/types.ts'

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
        await ctx.readers.world.clock.sleep(2_000)
        change(ctx, thing, seen.version)
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
  expect(view.undo?.left).toEqual([])
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
