import { expect, test } from 'vitest'
import { readView } from '#engine/run-reader.ts'
import { limits, node, planOf } from './world/plans.ts'
import { runId, simulate } from './world/simulate.ts'
import { simType } from './world/types.ts'

let start: number | undefined

test('a verification ends in its time although the clock on the wall is set back', async () => {
  const never = simType('own', 'idempotent', { judge: () => 'absent', apply: async () => ({ version: 1 }) })
  const verified = { verify: { withinMs: 5_000, everyMs: 500 }, limits: { ...limits, retryMax: 0 } }
  const sim = await simulate({
    plan: planOf([node('A/set', 'own', [], verified)]),
    types: new Map([['own', never]]),
    wall: (now) => (now - (start ?? now) > 1_000 ? now - 3_600_000 : now),
    patienceMs: 60_000,
    between: ({ clock }) => void (start ??= clock.now()),
  })
  const view = await readView(sim.store, runId)
  expect([view.state, view.nodes.get('A/set')?.question?.reason]).toEqual(['needs-person', 'exhausted'])
})
