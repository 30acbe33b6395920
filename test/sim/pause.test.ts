import { expect, test } from 'vitest'
import { readView } from '#engine/run-reader.ts'
import type { Command } from '#engine/state/events.ts'
import { whyNode } from '#engine/state/why.ts'
import { isHaetaeError } from '#model/errors.ts'
import { landed, own, run } from './world/answering.ts'
import { violations } from './world/check.ts'
import { gate, limits, node, planOf, smallPlan, tinyPlan } from './world/plans.ts'
import { mishaps as kinds, runId, simulate, type Mishap, type Simulation } from './world/simulate.ts'
import { change } from './world/types.ts'

const say = (sim: Simulation, verb: 'pause' | 'resume' | 'cancel') =>
  sim.store.command(runId, { verb, reason: 'as discussed' } satisfies Command, 'commander-1')
const stateOf = async (sim: Simulation) => (await sim.store.run(runId))?.state

/** Pauses a run once it has passed so many points, and resumes it `forMs` after it is seen to be paused. */
function pausing(atPoint: number, forMs: number) {
  let asked = false
  let until: number | undefined
  return async (sim: Simulation) => {
    if (!asked && sim.points >= atPoint && (await sim.store.run(runId)) !== undefined) {
      asked = true
      await say(sim, 'pause').catch(() => {})
    }
    if ((await stateOf(sim)) !== 'paused') return
    until ??= sim.clock.now() + forMs
    if (sim.clock.now() < until) return
    until = Number.POSITIVE_INFINITY
    await say(sim, 'resume')
  }
}

/** Whether a run was ever paused. */
async function wasPaused(sim: Simulation): Promise<boolean> {
  return (await sim.store.read(runId, 0, 1e6)).some(({ event }) => event.kind === 'run-paused')
}

test('a run paused at any point begins nothing until it is resumed, and then does everything once', async () => {
  let paused = 0
  for (let point = 1; ; point++) {
    const sim = await simulate({ plan: smallPlan(), between: pausing(point, 100), commandsEveryMs: 1 })
    const where = `paused at point ${point}: ${sim.names[point - 1] ?? '(none)'}`
    expect(await violations(sim), where).toEqual([])
    expect(await stateOf(sim), where).toBe('succeeded')
    expect(landed(sim), where).toEqual(['A/acquire', 'A/promote', 'A/scale', 'A/notify'])
    if (await wasPaused(sim)) paused += 1
    if (sim.points < point) break
  }
  expect(paused).toBeGreaterThan(10)
})

test('a pause at every other point and a mishap at every one of a tiny run: it goes on and does everything once', async () => {
  let pairs = 0
  for (let point = 1; ; point += 2) {
    let reached = 0
    for (let mishap = 1; ; mishap++) {
      const kind: Mishap = kinds[(point + mishap) % kinds.length] ?? 'freeze'
      const between = pausing(point, 100)
      const mishaps = new Map([[mishap, kind]])
      const sim = await simulate({ plan: tinyPlan(), mishaps, between, commandsEveryMs: 10 })
      const where = `paused at ${point}, ${kind} at ${mishap} (${sim.names[mishap - 1]})`
      expect(await violations(sim), where).toEqual([])
      expect(await stateOf(sim), where).toBe('succeeded')
      if (sim.points < mishap) break
      if (await wasPaused(sim)) reached += 1
      if (sim.points < point) break
    }
    pairs += reached
    if (reached === 0 && point > 40) break
  }
  expect(pairs).toBeGreaterThan(100)
})

test('a pause takes no time from a step between two tries', async () => {
  let tries = 0
  const types = own({
    apply: async (ctx, { thing }, seen) => {
      tries += 1
      if (tries === 1) throw new Error('500')
      change(ctx, thing, seen.version)
      return { version: 1 }
    },
  })
  const brief = { limits: { ...limits, totalMs: 4_000, retryBaseMs: 2_000 } }
  const plan = planOf([node('A/one', 'own', [], brief)])
  const { sim, view } = await run({ plan, types, between: pausing(10, 60_000), commandsEveryMs: 100 })
  expect([view.state, tries]).toEqual(['succeeded', 2])
  expect(await wasPaused(sim)).toBe(true)
  expect(Date.parse(view.endedAt ?? '') - Date.parse(view.createdAt)).toBeGreaterThan(60_000)
})

test('a run that is paused while its assumptions are proven goes past no point of no return before it is resumed', async () => {
  let now: Simulation | undefined
  let told = false
  const resume = pausing(1e9, 5_000)
  const { sim, view } = await run({
    plan: planOf([node('A/promote', 'sim.promote')]),
    commandsEveryMs: 100,
    between: async (current) => {
      now = current
      await resume(current)
    },
    assumptions: {
      async broken({ moment }) {
        if (moment === 'start' || now === undefined || told) return []
        told = true
        await say(now, 'pause')
        await now.clock.sleep(2_000)
        return []
      },
    },
  })
  expect(landed(sim)).toEqual(['A/promote'])
  const { attempts } = view.nodes.get('A/promote') ?? {}
  expect(attempts?.map(({ outcome, failure }) => [outcome, failure?.message])).toEqual([
    ['failed', 'the run was paused, nothing was changed'],
    ['applied', undefined],
  ])
})

test('signatures are counted in a pause, what is ready says who paused and why, and nothing starts', async () => {
  const plan = planOf([gate('approve'), node('A/one', 'sim.set', ['approve'])])
  const sim = await simulate({ plan, between: pausing(1, 1e9), patienceMs: 60_000 })
  const view = await readView(sim.store, runId)
  expect([view.state, view.startedAt, view.nodes.get('approve')?.state]).toEqual([
    'paused',
    null,
    'succeeded',
  ])
  expect(whyNode(view, 'A/one')).toMatchObject({
    reason: 'paused',
    text: { en: 'the run is paused by commander-1: as discussed' },
    facts: { by: 'commander-1', reason: 'as discussed' },
  })
  expect(landed(sim)).toEqual([])
})

test('a paused run is canceled without being resumed first, and a question in it is answered', async () => {
  const plan = planOf([node('A/one', 'sim.set'), node('A/two', 'sim.set', ['A/one'])])
  let told = false
  const cancel = async (sim: Simulation) => {
    if (told || (await stateOf(sim)) !== 'paused') return
    told = true
    await say(sim, 'cancel')
  }
  const pause = pausing(1, 1e9)
  const { view, sim } = await run({
    plan,
    between: async (now) => {
      await pause(now)
      await cancel(now)
    },
  })
  expect([view.state, view.paused, view.canceling?.by]).toEqual(['canceled', null, 'commander-1'])
  const kindsOf = (await sim.store.read(runId, 0, 1e6)).map(({ event }) => event.kind)
  expect(kindsOf.indexOf('run-resumed')).toBe(kindsOf.indexOf('run-canceling') - 1)
})

test('what a run does not take is refused with the reason', async () => {
  const plan = planOf([node('A/one', 'sim.set')])
  const answers: unknown[] = []
  await run({
    plan,
    patienceMs: 10_000,
    between: async (sim) => {
      if (answers.length > 0 || (await stateOf(sim)) !== 'running') return
      answers.push(0)
      const asked = sim.engine.ask(runId, { verb: 'resume', reason: 'go' }, 'commander-1')
      void asked.catch((error: unknown) => answers.push(error))
    },
  })
  const [, refused] = answers
  expect(isHaetaeError(refused, 'verb-refused') && refused.why).toBe('it is not paused')
})

test('an answer to a step that is not there is refused as such, not as one that asks nothing', async () => {
  const answers: unknown[] = []
  await run({
    plan: planOf([node('A/one', 'sim.set')]),
    patienceMs: 10_000,
    between: async (sim) => {
      if (answers.length > 0 || (await stateOf(sim)) !== 'running') return
      answers.push(0)
      for (const id of ['A/none', 'A/one']) {
        const asked = sim.engine.decide(runId, id, 'retry', 'commander-1', 'go')
        void asked.catch((error: unknown) => answers.push(error))
      }
    },
  })
  const codes = answers.flatMap((error) => (isHaetaeError(error) ? [error.code] : []))
  expect(codes).toEqual(['node-unknown', 'nothing-to-decide'])
})
