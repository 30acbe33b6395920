import { expect, test } from 'vitest'
import { readView } from '#engine/run-reader.ts'
import { whyNode } from '#engine/state/why.ts'
import { digestOf } from '#model/digest.ts'
import type { Plan, PlanMode } from '#plan/plan.ts'
import { violations } from './world/check.ts'
import { node, planOf } from './world/plans.ts'
import { mishaps as kinds, runId, simulate, type Mishap, type Simulation } from './world/simulate.ts'

/** An effect whose intent stood when the hold was ended may still happen: it is told as unknown. */
const mayHappen = /without the run's term|after its attempt was closed/

async function wrong(sim: Simulation): Promise<string[]> {
  return (await violations(sim)).filter((violation) => !mayHappen.test(violation))
}

function drill(): Plan {
  const plan = planOf([
    node('A/one', 'sim.set'),
    node('A/two', 'sim.keyed', ['A/one']),
    node('A/three', 'sim.set', ['A/two']),
    node('A/clean', 'sim.set', [], { after: ['A/one', 'A/two', 'A/three'], finally: true }),
  ])
  return { ...plan, subject: { ...plan.subject, mode: 'drill' as PlanMode } }
}

/** Creates a failover that holds the same system for a while, once so many points were passed. */
function disaster(atPoint: number) {
  const plan = planOf([node('A/rest', 'wait', [], { waitFor: { kind: 'time', ms: 500 } })])
  let created = false
  return async (sim: Simulation) => {
    if (created || sim.points < atPoint || (await sim.store.run(runId)) === undefined) return
    created = true
    await sim.store.create({ id: 'real', plan, requester: 'operator-2', reason: 'fire', systems: ['A'] })
  }
}

test('a drill gives way to a failover at every point, and cleans up when its systems are free again', async () => {
  let preempted = 0
  for (let point = 1; ; point++) {
    for (const kind of [undefined, kinds[point % kinds.length]]) {
      const mishaps = new Map<number, Mishap>(kind === undefined ? [] : [[point + 4, kind]])
      const between = disaster(point)
      const sim = await simulate({ plan: withDigest(drill()), mishaps, between, commandsEveryMs: 50 })
      const where = `failover at point ${point}, ${kind ?? 'no mishap'}: ${sim.names[point - 1] ?? '(none)'}`
      expect(await wrong(sim), where).toEqual([])
      const view = await readView(sim.store, runId)
      if (view.state === 'succeeded') continue
      expect(view.state, where).toBe('canceled')
      const real = await sim.store.run('real')
      const clean = sim.world.landed.find((change) => change.node === 'A/clean')
      const begun = (await sim.store.read(runId, 0, 1e6)).map(({ event }) => event)
      const at = begun.findIndex(({ kind }) => kind === 'run-preempted')
      const before = begun.slice(0, at).some((one) => one.kind === 'intended' && one.node === 'A/clean')
      if (clean === undefined || before) continue
      expect(clean.at, where).toBeGreaterThanOrEqual(Date.parse(real?.endedAt ?? ''))
      preempted += 1
    }
    if (point > 60) break
  }
  expect(preempted).toBeGreaterThan(20)
})

test('what cleans up says which run holds its systems', async () => {
  let said: string | undefined
  const create = disaster(20)
  const sim = await simulate({
    plan: withDigest(drill()),
    commandsEveryMs: 50,
    between: async (now) => {
      await create(now)
      if ((await now.store.run('real')) === undefined) return
      const why = whyNode(await readView(now.store, runId), 'A/clean')
      if (why?.reason === 'lock') said = why.text.en
    },
  })
  expect(said).toBe('run real holds its systems')
  expect((await sim.store.run(runId))?.state).toBe('canceled')
})

test('a run that is taken over at any point has ended at once, is told as it was left, and is never executed again', async () => {
  const people = ['approver-1', 'commander-1']
  let taken = 0
  for (let point = 1; point < 60; point++) {
    const mishaps = new Map<number, Mishap>(point % 2 === 0 ? [] : [[point, 'freeze']])
    let over = false
    const sim = await simulate({
      plan: withDigest(drill()),
      mishaps,
      between: async (now) => {
        if (over || now.points < point || (await now.store.run(runId)) === undefined) return
        over = true
        await now.store.takeOver(runId, people, 'its holder hangs').catch(() => {})
        expect(await now.store.locks()).toEqual([])
      },
    })
    const where = `taken over at point ${point}: ${sim.names[point - 1] ?? '(none)'}`
    expect(await wrong(sim), where).toEqual([])
    const records = await sim.store.read(runId, 0, 1e6)
    const at = records.findIndex(({ event }) => event.kind === 'run-taken-over')
    if (at < 0) continue
    expect(records.at(-1)?.event, where).toEqual({ kind: 'run-ended', outcome: 'canceled' })
    expect(
      records.slice(at).every(({ term }) => term === records[at]?.term),
      where,
    ).toBe(true)
    taken += 1
  }
  expect(taken).toBeGreaterThan(15)
})

function withDigest(plan: Plan): Plan {
  return { ...plan, digest: digestOf(plan.subject) }
}
