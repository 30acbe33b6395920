import { expect, test } from 'vitest'
import { violations } from './world/check.ts'
import { randomPlan } from './world/plans.ts'
import { Random } from './world/random.ts'
import { mishaps as kinds, runId, simulate, type Mishap } from './world/simulate.ts'

const seeds = Number(process.env.HAETAE_SIM_SEEDS ?? 150)
const first = Number(process.env.HAETAE_SIM_FROM ?? 1)

test(`${seeds} seeded runs of several systems, with crashes and a world that answers badly`, async () => {
  const ends = new Map<string, number>()
  for (let seed = first; seed < first + seeds; seed++) {
    const random = new Random(seed)
    const mishaps = new Map<number, Mishap>()
    for (let at = 0; random.chance(0.8) && mishaps.size < 6;) {
      at += 1 + random.below(60)
      mishaps.set(at, random.pick(kinds))
    }
    const sim = await simulate({
      plan: randomPlan(random),
      mishaps,
      faults: random,
      latencyMs: () => random.below(8),
    })
    expect(await violations(sim), `seed ${seed}`).toEqual([])
    const state = (await sim.store.run(runId))?.state ?? 'none'
    ends.set(state, (ends.get(state) ?? 0) + 1)
  }
  // Both ends must have been met, or the seeds show nothing.
  if (seeds >= 100) expect([...ends.keys()].toSorted()).toEqual(['needs-person', 'succeeded'])
})
