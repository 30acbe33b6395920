import { expect, test } from 'vitest'
import type { Command } from '#engine/state/events.ts'
import { refusal } from '#engine/state/refusal.ts'
import { foldEvent } from '#engine/state/fold.ts'
import { emptyView, type RunView } from '#engine/state/view.ts'
import { whyNode } from '#engine/state/why.ts'
import type { Plan } from '#plan/plan.ts'
import { landed, own, run } from './world/answering.ts'
import { violations } from './world/check.ts'
import { gate, node, planOf } from './world/plans.ts'
import { mishaps as kinds, runId, simulate, type Simulation } from './world/simulate.ts'
import { change, simType, simTypes } from './world/types.ts'

const at = '2026-11-24T00:00:00.000Z'
const skip = (id: string) => ({ verb: 'skip', node: id, reason: 'done by hand' }) satisfies Command
const refuses = simType('sim.refuses', 'idempotent', {
  apply: () => Promise.reject(new Error('403')),
})
const types = new Map([...simTypes, ['sim.refuses', refuses]])
const tries = { attemptMs: 1_000, totalMs: 60_000, retryMax: 0, retryBaseMs: 100 }

/** Skips nodes as soon as they ask a person. */
function skipping(...ids: string[]) {
  const left = new Set(ids)
  return async (sim: Simulation) => {
    const row = await sim.store.run(runId)
    if (row?.state !== 'needs-person') return
    for (const id of left) await sim.store.command(runId, skip(id), 'operator-1')
    left.clear()
  }
}

function started(plan: Plan): RunView {
  const view = emptyView({ id: 'r', plan, requester: 'operator-1', reason: '', parent: null, createdAt: at })
  foldEvent(view, { kind: 'run-created', digest: '', requester: '', reason: '' }, at, 1)
  foldEvent(view, { kind: 'run-started' }, at, 2)
  return view
}

/** What is said against skipping a node; undefined when nothing is. */
const against = (view: RunView, id: string) => refusal(view, skip(id), types)?.en

test('a step that asks is skipped with a name and a reason, and what needs it goes on', async () => {
  const plan = planOf([
    node('A/one', 'sim.refuses', [], { limits: tries }),
    node('A/two', 'sim.set', ['A/one']),
  ])
  const { sim, view, state } = await run({ plan, types, between: skipping('A/one'), commandsEveryMs: 10 })
  expect([view.state, state('A/one'), state('A/two')]).toEqual(['succeeded', 'skipped', 'succeeded'])
  expect(landed(sim)).toEqual(['A/two'])
  expect(view.nodes.get('A/one')).toMatchObject({
    skipped: { by: 'operator-1', reason: 'done by hand' },
    question: null,
  })
  expect(whyNode(view, 'A/one')?.text.en).toBe('skipped by operator-1: done by hand')
})

test('a step that waits for its next try is skipped, and tried no more', async () => {
  let skipped = false
  const plan = planOf([
    node('A/one', 'sim.refuses', [], { limits: { ...tries, retryMax: 100, retryBaseMs: 20_000 } }),
  ])
  const { view } = await run({
    plan,
    types,
    between: async (sim) => {
      if (skipped || sim.clock.now() < Date.UTC(2026, 10, 24) + 5_000) return
      skipped = true
      await sim.store.command(runId, skip('A/one'), 'operator-1')
    },
  })
  expect([view.state, view.nodes.get('A/one')?.attempts.length]).toEqual(['succeeded', 1])
})

test('a run that skips is killed at every point, and does everything else once', async () => {
  const plan = planOf([
    node('A/one', 'sim.refuses', [], { limits: tries }),
    node('A/two', 'sim.keyed', ['A/one']),
  ])
  let crashes = 0
  for (let point = 1; ; point++) {
    const kind = kinds[point % kinds.length] ?? 'freeze'
    const mishaps = new Map([[point, kind]])
    const sim = await simulate({ plan, types, mishaps, between: skipping('A/one'), commandsEveryMs: 10 })
    const where = `${kind} at point ${point}: ${sim.names[point - 1] ?? '(none)'}`
    expect(await violations(sim), where).toEqual([])
    const refused = (await sim.store.read(runId, 0, 1e6)).some(
      ({ event }) => event.kind === 'command-refused' && /may have done something/.test(event.why),
    )
    // Of a try that ended with its process nobody knows what it did: it is not skipped.
    expect((await sim.store.run(runId))?.state, where).toBe(refused ? 'needs-person' : 'succeeded')
    expect(landed(sim), where).toEqual(refused ? [] : ['A/two'])
    if (sim.points < point) break
    if (!refused) crashes += 1
  }
  expect(crashes).toBeGreaterThan(15)
})

test('what others stand on is not skipped: gates, points of no return, what keeps two from writing', () => {
  const acquire = simType('sim.acquire', 'idempotent', { safeguard: true })
  const view = started(
    planOf([
      gate('approve'),
      node('A/acquire', 'sim.acquire'),
      node('A/promote', 'sim.promote'),
      node('A/alien', 'sim.alien'),
      node('A/join', 'foreach', [], { waitFor: { kind: 'steps', maxFailures: 0 } }),
      node('A/one', 'sim.set'),
    ]),
  )
  const all = new Map([...types, ['sim.acquire', acquire]])
  const said = (id: string) => refusal(view, skip(id), all)?.en
  expect(said('approve')).toMatch(/signatures only/)
  expect(said('A/acquire')).toMatch(/keeps two sites from writing/)
  expect(said('A/promote')).toMatch(/point of no return/)
  expect(said('A/alien')).toMatch(/no such type/)
  expect(said('A/join')).toMatch(/only counts/)
  expect(said('A/none')).toMatch(/no step/)
  expect(said('A/one')).toBeUndefined()
})

test('a step is not skipped before its turn, nor one whose output is read', () => {
  const reads = {
    with: { thing: 'x', from: { $let: { call: { $expr: 'steps.one.version' } }, $expr: 'call' } },
  }
  const view = started(
    planOf([
      node('A/one', 'sim.set'),
      node('A/two', 'sim.set', ['A/one'], reads),
      node('B/one', 'sim.set'),
      node('B/two', 'sim.set', ['B/one']),
    ]),
  )
  expect(against(view, 'A/one')).toBe('A/two needs what A/one gives')
  expect(against(view, 'B/two')).toBe('it is not the turn of B/two: it waits for B/one')
  expect(against(view, 'B/one')).toBeUndefined()
})

test('a step that may have done something is not skipped, nor one under way, nor one that has ended', () => {
  const view = started(planOf([node('A/one', 'sim.set')]))
  const intended = { kind: 'intended', node: 'A/one', attempt: 1, input: '', key: '', epoch: null } as const
  const failure = { kind: 'unreachable', message: 'no answer' } as const
  foldEvent(view, intended, at, 3)
  expect(against(view, 'A/one')).toMatch(/under way: running/)
  foldEvent(view, { kind: 'attempt-unknown', node: 'A/one', attempt: 1, failure }, at, 4)
  expect(against(view, 'A/one')).toMatch(/under way: unknown/)
  const question = { reason: 'unclear', text: '', facts: {}, choices: [] } as const
  foldEvent(view, { kind: 'asked', node: 'A/one', question }, at, 5)
  expect(against(view, 'A/one')).toMatch(/may have done something/)
  foldEvent(view, { kind: 'node-canceled', node: 'A/one', left: 'unknown', why: '' }, at, 6)
  expect(against(view, 'A/one')).toMatch(/has ended: canceled/)
})

test('a skip that comes when the step is under way already is refused on record', async () => {
  const slow = own({
    apply: async (ctx, { thing }, seen) => {
      await ctx.clock.sleep(2_000)
      change(ctx, thing, seen.version)
      return { version: 1 }
    },
  })
  let told = false
  const { sim, view } = await run({
    plan: planOf([node('A/one', 'own')]),
    types: slow,
    between: async (now) => {
      if (told || now.clock.now() < Date.UTC(2026, 10, 24) + 500) return
      told = true
      await now.store.command(runId, skip('A/one'), 'operator-1')
    },
  })
  const refused = (await sim.store.read(runId, 0, 1e6)).flatMap(({ event }) =>
    event.kind === 'command-refused' ? [event.why] : [],
  )
  expect([view.state, view.nodes.get('A/one')?.state]).toEqual(['succeeded', 'succeeded'])
  expect(refused).toEqual(['A/one is under way: running'])
})
