import { expect, test } from 'vitest'
import { readView } from '#engine/run-reader.ts'
import { whyNode } from '#engine/state/why.ts'
import type { Decision } from '#engine/state/events.ts'
import type { PlanNode, WaitFor } from '#plan/plan.ts'
import { Unreachable, type AnyStepType } from '#runbook/step-type.ts'
import { violations } from './world/check.ts'
import { gate, limits, node, planOf } from './world/plans.ts'
import { mishaps, runId, simulate, type SimOptions, type Simulation } from './world/simulate.ts'
import { simType } from './world/types.ts'

/* What the language adds to the graph: steps at the end, batches, waits, people's confirmations, silent targets. */

async function run(options: SimOptions, answers: Record<string, Decision> = {}) {
  const given = new Set<string>()
  const sim = await simulate({
    ...options,
    between: async (now) => {
      await options.between?.(now)
      if ((await now.store.run(runId))?.state !== 'needs-person') return
      const view = await readView(now.store, runId)
      for (const [id, decision] of Object.entries(answers)) {
        if (view.nodes.get(id)?.question == null || given.has(id)) continue
        given.add(id)
        void now.engine.decide(runId, id, decision, 'commander-1', 'as discussed')
      }
    },
  })
  expect(await violations(sim)).toEqual([])
  const view = await readView(sim.store, runId)
  return { sim, view, state: (id: string) => view.nodes.get(id)?.state }
}

const landed = (sim: Simulation) => sim.world.landed.map((change) => change.node)
const broken = (effect: AnyStepType['effect'] = 'idempotent') =>
  new Map([
    [
      'own',
      simType('own', effect, {
        apply: async () => {
          throw new Error('it says no')
        },
      }),
    ],
  ])
const silent = (over: Parameters<typeof simType>[2] = {}) =>
  new Map([
    [
      'own',
      simType('own', 'idempotent', {
        observe: async () => {
          throw new Unreachable('it', new Error('no route'))
        },
        ...over,
      }),
    ],
  ])
const atEnd = (id: string, after: string[], needs: string[] = []) =>
  node(id, 'sim.set', needs, { after, finally: true })
const waiting = (id: string, type: string, waitFor: WaitFor, needs: string[], more: Partial<PlanNode> = {}) =>
  node(id, type, needs, { typeVersion: 0, waitFor, ...more })

const withEnd = () =>
  planOf([
    gate('approve'),
    node('A/one', 'sim.set', ['approve']),
    node('A/two', 'own', ['A/one']),
    node('A/three', 'sim.set', ['A/two']),
    node('B/one', 'sim.set', ['approve']),
    atEnd('A/clean', ['A/one', 'A/two', 'A/three'], ['approve']),
    atEnd('A/tell', ['A/one', 'A/two', 'A/three'], ['approve', 'A/clean']),
  ])

test('steps at the end run after all others have ended, also when one of those failed, and mask nothing', async () => {
  const well = await run({ plan: withEnd(), types: new Map([['own', simType('own', 'idempotent', {})]]) })
  expect([well.view.state, landed(well.sim).slice(-2)]).toEqual(['succeeded', ['A/clean', 'A/tell']])
  const bad = await run({ plan: withEnd(), types: broken() }, { 'A/two': 'fail' })
  expect([bad.view.state, bad.state('A/three'), bad.state('A/tell')]).toEqual([
    'failed',
    'canceled',
    'succeeded',
  ])
  expect(landed(bad.sim)).toEqual(['A/one', 'B/one', 'A/clean', 'A/tell'])
})

test('a step at the end that fails is seen, and the result stays what the others made it', async () => {
  const plan = planOf([
    node('A/one', 'sim.set'),
    node('A/clean', 'own', [], { after: ['A/one'], finally: true }),
  ])
  const { view, state } = await run({ plan, types: broken() }, { 'A/clean': 'fail' })
  expect([view.state, state('A/clean')]).toEqual(['succeeded', 'failed'])
})

test('a canceled run still runs its end, and stays canceled', async () => {
  let told = false
  const { sim, view, state } = await run({
    plan: withEnd(),
    types: broken(),
    between: async (now) => {
      if (told || !landed(now).includes('A/one')) return
      told = true
      void now.engine.ask(runId, { verb: 'cancel', reason: 'enough' }, 'commander-1')
    },
  })
  expect([view.state, state('A/three'), state('A/clean'), state('A/tell')]).toEqual([
    'canceled',
    'canceled',
    'succeeded',
    'succeeded',
  ])
  expect(landed(sim)).toContain('A/clean')
})

test('a step at the end of a canceled run that cannot be done waits for a person', async () => {
  const plan = planOf([
    node('A/one', 'sim.set'),
    waiting('A/rest', 'wait', { kind: 'time', ms: 600_000 }, ['A/one']),
    node('A/clean', 'own', [], { after: ['A/one', 'A/rest'], finally: true }),
  ])
  let told = false
  const cancel = async (now: Simulation) => {
    if (told || !landed(now).includes('A/one') || now.clock.now() % 1_000 < 500) return
    told = true
    void now.engine.ask(runId, { verb: 'cancel', reason: 'enough' }, 'commander-1')
  }
  const asked = await run({ plan, types: broken(), between: cancel })
  expect([asked.state('A/rest'), asked.state('A/clean')]).toEqual(['canceled', 'needs-person'])
  told = false
  const given = await run({ plan, types: broken(), between: cancel }, { 'A/clean': 'fail' })
  expect([given.view.state, given.state('A/clean')]).toEqual(['canceled', 'failed'])
})

test('what nobody approved has no end either, nor what was never begun', async () => {
  const rejected = await run(
    {
      plan: withEnd(),
      types: broken(),
      approvals: { at: async () => ({ granted: [], rejected: [{ by: 'approver-1', reason: 'no' }] }) },
    },
    { approve: 'fail' },
  )
  expect([rejected.view.state, rejected.state('A/clean'), landed(rejected.sim)]).toEqual([
    'failed',
    'canceled',
    [],
  ])
  const plan = planOf([
    node('A/look', 'own'),
    node('B/one', 'sim.set', ['A/look']),
    atEnd('B/clean', ['B/one']),
  ])
  const never = await run({ plan, types: broken() }, { 'A/look': 'fail' })
  expect([never.state('B/one'), never.state('B/clean'), landed(never.sim)]).toEqual([
    'canceled',
    'canceled',
    [],
  ])
})

test('the end is reached across every crash, once', async () => {
  const options = {
    plan: planOf([node('A/one', 'sim.keyed'), atEnd('A/clean', ['A/one'])]),
  }
  const points = (await simulate(options)).points
  for (let point = 1; point <= points; point++)
    for (const mishap of mishaps) {
      const { view, sim } = await run({ ...options, mishaps: new Map([[point, mishap]]) })
      expect([point, mishap, view.state, landed(sim)]).toEqual([
        point,
        mishap,
        'succeeded',
        ['A/one', 'A/clean'],
      ])
    }
})

const batches = (maxFailures: number) =>
  planOf([
    node('A/each/a', 'sim.set', [], { group: 'A/each' }),
    waiting('A/each/batch-1', 'foreach', { kind: 'steps', maxFailures }, [], { after: ['A/each/a'] }),
    node('A/each/b', 'own', ['A/each/batch-1'], { group: 'A/each' }),
    node('A/each/c', 'sim.set', ['A/each/batch-1'], { group: 'A/each' }),
    waiting('A/each/batch-2', 'foreach', { kind: 'steps', maxFailures }, ['A/each/batch-1'], {
      after: ['A/each/a', 'A/each/b', 'A/each/c'],
    }),
    node('A/each/d', 'sim.set', ['A/each/batch-2'], { group: 'A/each' }),
    waiting('A/each', 'foreach', { kind: 'steps', maxFailures }, ['A/each/batch-2'], {
      after: ['A/each/a', 'A/each/b', 'A/each/c', 'A/each/d'],
    }),
    node('A/next', 'sim.set', ['A/each']),
  ])

test('a batch begins when the one before has ended; too many failures, and no further one begins', async () => {
  const stopped = await run({ plan: batches(0), types: broken() }, { 'A/each/b': 'fail' })
  expect([stopped.view.state, landed(stopped.sim)]).toEqual(['failed', ['A/each/a', 'A/each/c']])
  expect(stopped.view.nodes.get('A/each/batch-2')?.canceled?.why).toBe('1 failed, and 0 may: A/each/b')
})

test("failures that are allowed are seen, and are not the run's", async () => {
  const { sim, view, state } = await run({ plan: batches(1), types: broken() }, { 'A/each/b': 'fail' })
  expect([view.state, state('A/each/b')]).toEqual(['succeeded', 'failed'])
  expect(landed(sim)).toEqual(['A/each/a', 'A/each/c', 'A/each/d', 'A/next'])
  expect(view.nodes.get('A/each')?.output).toEqual({ failed: ['A/each/b'] })
})

test('batches go on across every crash, in their order, each item once', async () => {
  const options = { plan: batches(0), types: new Map([['own', simType('own', 'idempotent', {})]]) }
  const points = (await simulate(options)).points
  for (let point = 1; point <= points; point++)
    for (const mishap of mishaps) {
      const { view, sim } = await run({ ...options, mishaps: new Map([[point, mishap]]) })
      const done = landed(sim)
      expect([point, mishap, view.state, done[0], done.slice(1, 3).toSorted(), ...done.slice(3)]).toEqual([
        ...[point, mishap, 'succeeded', 'A/each/a', ['A/each/b', 'A/each/c']],
        ...['A/each/d', 'A/next'],
      ])
    }
})

test('a wait lasts from the end of what it needs, also over a restart, and says until when', async () => {
  const said: string[] = []
  let killed = false
  const { sim, view } = await run({
    plan: planOf([
      node('A/one', 'sim.set'),
      waiting('A/rest', 'wait', { kind: 'time', ms: 60_000 }, ['A/one']),
      node('A/two', 'sim.set', ['A/rest']),
    ]),
    between: async (now) => {
      const seen = await now.store.run(runId)
      if (seen === undefined || killed) return
      const current = await readView(now.store, runId)
      if (current.nodes.get('A/one')?.state !== 'succeeded') return
      said.push(whyNode(current, 'A/rest')?.reason ?? '')
      killed = true
      now.processes.at(-1)?.kill()
      now.bootAnother()
    },
  })
  expect(said).toEqual(['time'])
  expect(view.state).toBe('succeeded')
  const [one, two] = sim.world.landed
  expect((two?.at ?? 0) - (one?.at ?? 0)).toBeGreaterThanOrEqual(60_000)
  expect((two?.at ?? 0) - (one?.at ?? 0)).toBeLessThan(75_000)
})

test('a manual step waits for a person of its role, with the instructions', async () => {
  const instructions = { ko: '전원을 확인하십시오', en: 'Check the power' }
  const plan = planOf([
    waiting('A/power', 'manual', { kind: 'person', role: 'sre', instructions }, []),
    node('A/two', 'sim.set', ['A/power']),
  ])
  const asked = await run({ plan })
  expect([asked.view.state, landed(asked.sim)]).toEqual(['needs-person', []])
  expect(asked.view.nodes.get('A/power')?.question).toMatchObject({
    reason: 'manual',
    facts: { role: 'sre', instructions },
    choices: ['holds', 'fail'],
  })
  const done = await run({ plan }, { 'A/power': 'holds' })
  expect([done.view.state, landed(done.sim)]).toEqual(['succeeded', ['A/two']])
  expect((await run({ plan }, { 'A/power': 'fail' })).view.state).toBe('failed')
})

test('a target that does not answer: asked about at once, waited for, or gone on without', async () => {
  const plan = (onUnreachable?: PlanNode['onUnreachable']) =>
    planOf([
      node('A/one', 'own', [], onUnreachable === undefined ? {} : { onUnreachable }),
      node('A/two', 'sim.set', ['A/one']),
    ])
  const at = async (onUnreachable?: PlanNode['onUnreachable']) => {
    const { sim, view, state } = await run({ plan: plan(onUnreachable), types: silent() })
    const ended = (await sim.store.read(runId, 0, 1e6)).find(
      ({ event }) => event.kind === 'asked' || event.kind === 'node-skipped',
    )
    return [
      state('A/one'),
      view.state,
      Date.parse(ended?.at ?? '') - Date.parse(view.createdAt) >= limits.totalMs,
    ]
  }
  expect(await at()).toEqual(['needs-person', 'needs-person', true])
  expect(await at('wait')).toEqual(['needs-person', 'needs-person', true])
  expect(await at('ask')).toEqual(['needs-person', 'needs-person', false])
  expect(await at('skip')).toEqual(['skipped', 'succeeded', true])
})

test.each([
  ['its answer was lost', 'gone'],
  ['it was done and could not be verified', 'done'],
])('a step that may have acted is never skipped: %s', async (_why, answer) => {
  let looks = 0
  const types = silent({
    observe: async () => {
      looks += 1
      if (looks === 1) return { version: 0, on: false, keys: [] }
      throw new Unreachable('it', new Error('gone'))
    },
    apply: async () => {
      if (answer === 'gone') throw new Unreachable('it', new Error('gone'))
      return { version: 1 }
    },
  })
  const verify = { withinMs: 1_000, everyMs: 100 }
  const plan = planOf([node('A/one', 'own', [], { onUnreachable: 'skip', verify })])
  expect((await run({ plan, types })).state('A/one')).toBe('needs-person')
})

test('a failure that is not worth another try asks a person after the first', async () => {
  const plan = planOf([node('A/one', 'own', [], { limits: { ...limits, retryOn: ['unreachable'] } })])
  const { view } = await run({ plan, types: broken() })
  expect(view.nodes.get('A/one')?.attempts).toHaveLength(1)
  expect(view.nodes.get('A/one')?.question?.reason).toBe('exhausted')
  const again = planOf([node('A/one', 'own', [], { limits: { ...limits, retryOn: ['error'] } })])
  const tried = await run({ plan: again, types: broken() })
  expect(tried.view.nodes.get('A/one')?.attempts).toHaveLength(limits.retryMax + 1)
})
