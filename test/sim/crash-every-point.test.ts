import { expect, test } from 'vitest'
import { violations } from './world/check.ts'
import { smallPlan, tinyPlan } from './world/plans.ts'
import { mishaps as kinds, runId, simulate } from './world/simulate.ts'

test('a run without mishaps ends, and does everything once', async () => {
  const sim = await simulate({ plan: smallPlan() })
  expect(await violations(sim)).toEqual([])
  expect((await sim.store.run(runId))?.state).toBe('succeeded')
  expect(sim.world.landed.map((change) => change.node)).toEqual([
    'A/acquire',
    'A/promote',
    'A/scale',
    'A/notify',
  ])
})

for (const kind of kinds) {
  test(`${kind}: at every point of a small run, it goes on and does everything once`, async () => {
    let crashes = 0
    for (let point = 1; ; point++) {
      const sim = await simulate({ plan: smallPlan(), mishaps: new Map([[point, kind]]) })
      const where = `${kind} at point ${point}: ${sim.names[point - 1] ?? '(none)'}`
      expect(await violations(sim), where).toEqual([])
      expect((await sim.store.run(runId))?.state, where).toBe('succeeded')
      if (sim.points < point) break
      crashes += 1
    }
    expect(crashes).toBeGreaterThan(30)
  })
}

test('two mishaps at every pair of points of a tiny run: it goes on and does everything once', async () => {
  let pairs = 0
  for (let first = 1; ; first++) {
    let reached = 0
    for (let second = first + 1; ; second++) {
      const kind = kinds[(first + second) % kinds.length] ?? 'freeze'
      const other = kinds[(first * second) % kinds.length] ?? 'freeze'
      const mishaps = new Map([
        [first, kind],
        [second, other],
      ])
      const sim = await simulate({ plan: tinyPlan(), mishaps })
      const where = `${kind} at ${first} (${sim.names[first - 1]}), ${other} at ${second} (${sim.names[second - 1]})`
      expect(await violations(sim), where).toEqual([])
      expect((await sim.store.run(runId))?.state, where).toBe('succeeded')
      if (sim.points < second) break
      reached += 1
    }
    pairs += reached
    if (reached === 0) break
  }
  expect(pairs).toBeGreaterThan(200)
})
