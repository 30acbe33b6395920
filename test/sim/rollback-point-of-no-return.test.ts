import { expect, test } from 'vitest'
import { Unreachable } from '#runbook/step-type.ts'
import { landed, run } from './world/answering.ts'
import { node, planOf } from './world/plans.ts'
import { rolling, seconds, undone } from './world/rolling-back.ts'
import { change, simType } from './world/types.ts'

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

function murky() {
  return simType('sim.murky', 'point-of-no-return', {
    judge: (_input, seen) => (seen.version === 0 ? 'absent' : 'unclear'),
    apply: async (ctx, { thing }, seen) => {
      change(ctx, thing, seen.version, { epoch: 7 })
      throw new Unreachable(thing, new Error('reset'))
    },
  })
}
