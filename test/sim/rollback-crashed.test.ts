import { expect, test } from 'vitest'
import { readView } from '#engine/run-reader.ts'
import { violations } from './world/check.ts'
import { randomPlan } from './world/plans.ts'
import { Random } from './world/random.ts'
import { reversible, rolling } from './world/rolling-back.ts'
import { mishaps as kinds, runId, simulate, type Mishap, type Simulation } from './world/simulate.ts'

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
