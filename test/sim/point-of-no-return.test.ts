import { expect, test } from 'vitest'
import type { BrokenAssumption } from '#engine/ports.ts'
import { readView } from '#engine/run-reader.ts'
import { Unreachable } from '#runbook/step-type.ts'
import { landed, own, run } from './world/answering.ts'
import { violations } from './world/check.ts'
import { limits, node, planOf } from './world/plans.ts'
import { runId, simulate, type Mishap, type Simulation } from './world/simulate.ts'

/** How the plan of one point of no return is proven: `within` runs while the proof is made. */
function proving(within: (sim: Simulation) => Promise<void>) {
  let now: Simulation | undefined
  return {
    plan: planOf([node('A/promote', 'sim.promote')]),
    between: (sim: Simulation) => void (now = sim),
    assumptions: {
      async broken({ moment }: { moment: string }): Promise<BrokenAssumption[]> {
        if (moment !== 'point-of-no-return' || now === undefined) return []
        await within(now)
        return []
      },
    },
  }
}

/** Longer than any of these runs takes: nobody looks for commands meanwhile. */
const never = 3_600_000

for (const verb of ['pause', 'cancel', 'rollback'] as const) {
  test(`a ${verb} that came while the assumptions were proven is heeded, though nobody had looked for it yet`, async () => {
    const sim = await simulate({
      ...proving(async ({ store }) => {
        await store.command(runId, { verb, reason: 'stop' }, 'commander-1').catch(() => {})
      }),
      commandsEveryMs: never,
      patienceMs: 60_000,
    })
    const view = await readView(sim.store, runId)
    expect(landed(sim)).toEqual([])
    expect(view.state).toBe({ pause: 'paused', cancel: 'canceled', rollback: 'rolled-back' }[verb])
    const [tried] = view.nodes.get('A/promote')?.attempts ?? []
    expect(tried?.failure?.message).toMatch(/the run was (paused|ended), nothing was changed/)
  })
}

test('who is stopped while the assumptions are proven, and taken over, begins nothing afterwards', async () => {
  const sim = await simulate(
    proving(async ({ store }) => {
      await store.takeOver(runId, ['approver-1', 'commander-1'], 'its holder hangs')
    }),
  )
  expect(landed(sim)).toEqual([])
  expect(sim.trespasses).toEqual([])
  expect((await sim.store.run(runId))?.state).toBe('canceled')
})

test('an effect that nothing takes back ends two times of a try after its proof, however long the journal took before', async () => {
  let now: Simulation | undefined
  let proven: number | undefined
  let ended: number | undefined
  let journalMs = 1
  const types = own(
    {
      apply: async ({ signal }, { thing }) => {
        await new Promise((resolve) => signal.addEventListener('abort', resolve))
        ended = now?.clock.now()
        throw new Unreachable(thing, new Error('no answer'))
      },
    },
    'point-of-no-return',
  )
  const once = { limits: { ...limits, retryMax: 0 } }
  const { question } = await run({
    plan: planOf([node('A/one', 'own', [], once)]),
    types,
    between: (sim) => void (now = sim),
    latencyMs: () => journalMs,
    assumptions: {
      async broken({ moment }: { moment: string }): Promise<BrokenAssumption[]> {
        if (moment === 'point-of-no-return') {
          proven ??= now?.clock.now()
          journalMs = 900
        }
        if (moment === 'effect') {
          journalMs = 1
          await now?.clock.sleep(limits.attemptMs - 100)
        }
        return []
      },
    },
  })
  expect(question('A/one')?.reason).toBe('exhausted')
  const lasted = (ended ?? 0) - (proven ?? 0)
  expect(lasted).toBeGreaterThan(1.9 * limits.attemptMs)
  expect(lasted).toBeLessThanOrEqual(2 * limits.attemptMs + 10)
})

test('signatures that were voided between the proof and the effect stop it; signed anew it goes on', async () => {
  const plan = planOf([node('A/promote', 'sim.promote')])
  let voided = 0
  const assumptions = {
    broken: async ({ moment }: { moment: string }): Promise<BrokenAssumption[]> => {
      if (moment !== 'effect' || voided-- <= 0) return []
      return plan.subject.assumptions.map((assumption) => ({ assumption, why: 'to be signed anew' }))
    },
  }
  voided = 1
  const stopped = await run({ plan, assumptions })
  expect([stopped.view.state, stopped.question('A/promote')?.reason]).toEqual(['needs-person', 'assumption'])
  expect(landed(stopped.sim)).toEqual([])
  voided = 1
  const going = await run({ plan, assumptions }, { 'A/promote': ['retry'] })
  expect([going.view.state, landed(going.sim)]).toEqual(['succeeded', ['A/promote']])
})

test('a cancel at every point, with a mishap or none: nothing is done that was stopped before the journal let it pass', async () => {
  let stopped = 0
  for (let point = 1; ; point++) {
    for (const kind of [undefined, 'freeze', 'kill, other daemon'] as (Mishap | undefined)[]) {
      let asked = false
      const sim = await simulate({
        plan: planOf([node('A/promote', 'sim.promote'), node('A/two', 'sim.promote', ['A/promote'])]),
        mishaps: new Map(kind === undefined ? [] : [[point + 1, kind]]),
        commandsEveryMs: never,
        between: async ({ points, store }) => {
          if (asked || points < point || (await store.run(runId)) === undefined) return
          asked = true
          await store.command(runId, { verb: 'cancel', reason: 'stop' }, 'commander-1').catch(() => {})
        },
      })
      const where = `canceled at point ${point}, ${kind ?? 'no mishap'}: ${sim.names[point - 1] ?? '(none)'}`
      expect(await violations(sim), where).toEqual([])
      if (landed(sim).length < 2) stopped += 1
      if (sim.points < point) return expect(stopped).toBeGreaterThan(20)
    }
  }
})
