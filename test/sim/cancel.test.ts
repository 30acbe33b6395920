import { expect, test } from 'vitest'
import { readView } from '#engine/run-reader.ts'
import { violations } from './world/check.ts'
import { node, planOf } from './world/plans.ts'
import { runId, simulate, type Simulation } from './world/simulate.ts'

test('a run that is canceled while its assumptions are proven goes past no point of no return', async () => {
  let now: Simulation | undefined
  const sim = await simulate({
    plan: planOf([node('A/promote', 'sim.promote')]),
    between: (current) => void (now = current),
    assumptions: {
      async broken({ moment }) {
        if (moment === 'start' || now === undefined) return []
        void now.engine.ask(
          runId,
          { verb: 'cancel', reason: 'the site answers on the telephone' },
          'commander-1',
        )
        await now.clock.sleep(2_000)
        return []
      },
    },
  })
  expect(await violations(sim)).toEqual([])
  expect(sim.world.landed).toEqual([])
  const view = await readView(sim.store, runId)
  expect([view.state, view.nodes.get('A/promote')?.canceled?.left]).toEqual(['canceled', 'absent'])
})
