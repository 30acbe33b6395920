import { expect, test } from 'vitest'
import { readView } from '#engine/run-reader.ts'
import { whyNode } from '#engine/state/why.ts'
import { landed, run } from './world/answering.ts'
import { reversible, rolling, undone } from './world/rolling-back.ts'
import { runId, simulate, type Simulation } from './world/simulate.ts'

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
