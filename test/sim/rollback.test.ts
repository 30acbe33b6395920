import { expect, test } from 'vitest'
import { PartlyDone, Unreachable } from '#runbook/step-type.ts'
import { readView } from '#engine/run-reader.ts'
import { landed, run } from './world/answering.ts'
import { node, planOf } from './world/plans.ts'
import { reversible, rolling, seconds, undone } from './world/rolling-back.ts'
import { runId, simulate } from './world/simulate.ts'
import { change, simType } from './world/types.ts'

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
      change(ctx, thing, seen.version, { off: true })
      return { version: 0 }
    },
  })
}

test('a step is taken back to what was seen before its first try that may have done something', async () => {
  const halves = simType('sim.halves', 'idempotent', {
    judge: (_input, seen) => (seen.version >= 2 ? 'holds' : 'absent'),
    invert: ({ thing }, before) => ({ type: 'sim.clear', with: { thing, from: before.version } }),
    apply: async (ctx, { thing }, seen) => {
      change(ctx, thing, seen.version)
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

test('a step that failed behind a part of its effect is taken back to what was before that', async () => {
  const parts = simType('sim.parts', 'idempotent', {
    judge: (_input, seen) => (seen.version >= 2 ? 'holds' : 'absent'),
    invert: ({ thing }, before) => ({ type: 'sim.clear', with: { thing, from: before.version + 2 } }),
    apply: async (ctx, { thing }, seen) => {
      change(ctx, thing, seen.version)
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
