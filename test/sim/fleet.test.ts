import { expect, test } from 'vitest'
import { readView } from '#engine/run-reader.ts'
import { whyNode } from '#engine/state/why.ts'
import { HaetaeError } from '#model/errors.ts'
import type { Plan, PlanNode } from '#plan/plan.ts'
import { assertOnce, childState, fleetOf, slow } from './world/fleets.ts'
import { childPlan, fleetPlan } from './world/plans.ts'
import { mishaps as kinds, runId, simulate, type SimOptions, type Simulation } from './world/simulate.ts'

const byHand: Partial<PlanNode> = {
  ...{ type: 'manual', typeVersion: 0, with: {} },
  waitFor: { kind: 'person', role: 'sre', instructions: { ko: '확인', en: 'Look' } },
}

/** Answers each question once: by the node, after the system whose run asks it (`B A/check`). */
function answering(
  answers: Record<string, 'retry' | 'replan' | 'holds' | 'fail'>,
): NonNullable<SimOptions['between']> {
  const left = new Map(Object.entries(answers))
  return async (sim) => {
    for (const row of await sim.store.runs({ limit: 100 })) {
      const view = await readView(sim.store, row.id)
      for (const [id, { question }] of view.nodes) {
        const at = [row.id.split('.')[1] ?? [], id].flat().join(' ')
        const answer = left.get(at)
        if (question === null || answer === undefined) continue
        left.delete(at)
        await sim.store.command(
          row.id,
          { verb: 'decide', node: id, decision: answer, reason: 'a test' },
          'operator-1',
        )
      }
    }
  }
}

test('every system of a fleet has a run of its own, and waits for the steps of others that it needs', async () => {
  const { options } = fleetOf(['A', 'B', 'C', 'D'])
  const sim = await simulate(options)
  await assertOnce(sim, ['A', 'B', 'C', 'D'])
  expect((await sim.store.run(runId))?.state).toBe('succeeded')
  const order = sim.world.landed.map(({ node }) => node)
  expect(order.indexOf('A/notify')).toBeLessThan(order.indexOf('B/notify'))
  expect(order.indexOf('B/notify')).toBeLessThan(order.indexOf('D/notify'))
  // Nothing but that waits: what comes before is done at once.
  expect(order.slice(0, 4).toSorted()).toEqual(['A/set', 'B/set', 'C/set', 'D/set'])
  const rows = await sim.store.runs({ parent: runId })
  expect(rows.map(({ id, parent, systems }) => [id, parent, systems])).toEqual(
    ['D', 'C', 'B', 'A'].map((system) => [`${runId}.${system}`, runId, [system]]),
  )
})

for (const kind of kinds) {
  test(`${kind}: at every point of a small fleet, it goes on and does everything once`, async () => {
    let crashes = 0
    for (let point = 1; ; point++) {
      const { options } = fleetOf(['A', 'B', 'C'], { maxFailures: 0, ramp: [1] })
      const sim = await simulate({ ...options, mishaps: new Map([[point, kind]]) })
      const where = `${kind} at point ${point}: ${sim.names[point - 1] ?? '(none)'}`
      await assertOnce(sim, ['A', 'B', 'C'], where)
      expect((await sim.store.run(runId))?.state, where).toBe('succeeded')
      if (sim.points < point) break
      crashes += 1
    }
    expect(crashes).toBeGreaterThan(30)
  })
}

test('a system whose plan changed is held back and says what changed; the others go on', async () => {
  const { options, now } = fleetOf(['A', 'B', 'C', 'D'], { maxFailures: 0, ramp: [1, 1] })
  now.set('C', childPlan('C', [], { type: 'sim.set' }))
  const sim = await simulate(options)
  await assertOnce(sim, ['A', 'B', 'D'])
  const view = await readView(sim.store, runId)
  expect(view.state).toBe('needs-person')
  expect(view.nodes.get('C')?.question).toMatchObject({
    reason: 'drift',
    choices: ['retry', 'replan', 'fail'],
    facts: {
      now: now.get('C')?.digest,
      changed: [{ part: 'actions' }],
      differs: [{ name: 'C/check type', approved: 'sim.check', now: 'sim.set' }],
    },
  })
  expect(await childState(sim, 'C')).toBe('none')
})

test('what cannot serve without a system that is held back says so, also by way of others', async () => {
  const { options, now } = fleetOf(['A', 'B', 'C', 'D'], { maxFailures: 0, ramp: [1] })
  now.set('A', childPlan('A', [], { type: 'sim.set' }))
  const sim = await simulate(options)
  await assertOnce(sim, ['C'])
  const view = await readView(sim.store, runId)
  for (const behind of ['B', 'D'])
    expect(whyNode(view, behind)).toMatchObject({
      reason: 'needs',
      text: { en: 'cannot begin without A, held back' },
      facts: { needs: [{ node: 'A', state: 'needs-person' }] },
    })
})

test('of many differences a question holds the first ones, shortened, and how many more there are', async () => {
  const { options, now } = fleetOf(['C'])
  const inputs = Object.fromEntries(
    Array.from({ length: 25 }, (_, at) => [`k${at + 10}`, 'v'.repeat(10_000)]),
  )
  now.set('C', childPlan('C', [], { with: { thing: 'C/set', ...inputs } }))
  const sim = await simulate(options)
  const facts = (await readView(sim.store, runId)).nodes.get('C')?.question?.facts
  expect(facts).toMatchObject({ more: 15 })
  expect(facts?.['differs']).toHaveLength(10)
  expect(JSON.stringify(facts).length).toBeLessThan(5_000)
})

test.each(['retry', 'replan'] as const)('a system that was held back goes on after %s', async (answer) => {
  const { options, now } = fleetOf(['A', 'C'])
  const approved = now.get('C') as Plan
  const changed = childPlan('C', [], { type: 'sim.set' })
  now.set('C', changed)
  const answered = answering({ C: answer })
  const asked: boolean[] = []
  const sim = await simulate({
    ...options,
    planChild: async (request) => {
      if (request.node.id === 'C') asked.push(request.ownGates)
      return options.planChild?.(request) as Promise<Plan>
    },
    between: async (sim) => {
      const held = (await readView(sim.store, runId).catch(() => undefined))?.nodes.get('C')?.question
      if (held === null || held === undefined) return
      if (answer === 'retry') now.set('C', approved)
      await answered(sim)
    },
  })
  expect((await sim.store.run(runId))?.state).toBe('succeeded')
  expect((await sim.store.run(`${runId}.C`))?.planDigest).toBe(
    answer === 'retry' ? approved.digest : changed.digest,
  )
  // What the fleet's approvals are not over asks for its own.
  expect(asked).toEqual([false, answer === 'replan'])
})

test('a word to go by the plan as it is now still stands when the system is held back once more', async () => {
  const { options, now } = fleetOf(['A', 'C'])
  now.set('C', childPlan('C', [], { type: 'sim.set' }))
  const asked: boolean[] = []
  const reasons: string[] = []
  const sim = await simulate({
    ...options,
    planChild: async (request) => {
      if (request.node.id === 'C') asked.push(request.ownGates)
      if (asked.length === 2) throw new HaetaeError('system-locked', 'system C')
      return options.planChild?.(request) as Promise<Plan>
    },
    between: async (sim) => {
      const held = (await readView(sim.store, runId).catch(() => undefined))?.nodes.get('C')?.question
      if (held === null || held === undefined || held.reason === reasons.at(-1)) return
      reasons.push(held.reason)
      await answering({ C: held.reason === 'held' ? 'retry' : 'replan' })(sim)
    },
  })
  expect(reasons).toEqual(['drift', 'held'])
  expect(asked).toEqual([false, true, true])
  expect((await sim.store.run(runId))?.state).toBe('succeeded')
})

/** Another run takes the system before the fleet comes to it. */
function heldByAnother(system: string): NonNullable<SimOptions['between']> {
  let created = false
  return async ({ store }) => {
    if (created) return
    created = true
    const [requester, reason] = ['operator-2', 'a test']
    await store.create({ id: 'other', plan: childPlan(system), requester, reason, systems: [system] })
    await store.acquire('other', { daemon: 'elsewhere', incarnation: 'elsewhere/1' }, 3_600_000)
  }
}

test('a system that another run holds is held back, and begins when a person looks again', async () => {
  const { options } = fleetOf(['A', 'C'])
  const sim = await simulate({ ...options, between: heldByAnother('C') })
  const view = await readView(sim.store, runId)
  expect(view.nodes.get('C')?.question).toMatchObject({
    reason: 'held',
    facts: { code: 'system-locked', holders: [{ system: 'C', run: 'other' }] },
  })
  expect(view.nodes.get('A')?.state).toBe('succeeded')
})

test('a system that cannot be planned any more is held back with the reason', async () => {
  const { options, now } = fleetOf(['A', 'C'])
  now.delete('C')
  const sim = await simulate({ ...options, between: answering({ C: 'fail' }) })
  const view = await readView(sim.store, runId)
  expect(view.nodes.get('C')?.state).toBe('failed')
  expect(view.state).toBe('failed')
  expect(whyNode(view, 'C')?.text).toEqual({
    ko: 'operator-1이(가) 포기함: a test',
    en: 'given up by operator-1: a test',
  })
})

test('whoever gives up a system that another run holds is named, beside what went wrong', async () => {
  const { options } = fleetOf(['A', 'C'])
  const answered = answering({ C: 'fail' })
  const holding = heldByAnother('C')
  const sim = await simulate({
    ...options,
    between: async (sim) => {
      await holding(sim)
      await answered(sim)
    },
  })
  expect(whyNode(await readView(sim.store, runId), 'C')?.text.en).toBe(
    'given up by operator-1: a test (before that: the run was not created)',
  )
})

test('failures up to the limit are not the failure of the fleet; more let no further system begin', async () => {
  const systems = ['A', 'C', 'E', 'F']
  for (const [maxFailures, outcome, last] of [
    [1, 'succeeded', 'succeeded'],
    [0, 'failed', 'none'],
  ] as const) {
    const { options, now } = fleetOf(systems, { maxFailures, maxParallel: 1 })
    now.delete('A')
    const sim = await simulate({ ...options, between: answering({ A: 'fail' }) })
    expect((await sim.store.run(runId))?.state, `${maxFailures}`).toBe(outcome)
    expect(await childState(sim, 'F'), `${maxFailures}`).toBe(last)
  }
})

test('a run that fails is seen at its fleet, and who waits for it asks a person', async () => {
  const { options } = fleetOf([])
  const children = new Map([
    ['A', { plan: childPlan('A', [], byHand), prerequisites: [] }],
    ['B', { plan: childPlan('B', ['A']), prerequisites: ['A'] }],
  ])
  const sim = await simulate({
    ...options,
    plan: fleetPlan(children, { maxFailures: 1 }),
    planChild: async ({ node }) => children.get(node.id)?.plan as Plan,
    between: answering({ 'A A/check': 'fail', 'B A/check': 'holds' }),
  })
  const view = await readView(sim.store, runId)
  expect(view.nodes.get('A')).toMatchObject({
    state: 'failed',
    failure: { message: `run ${runId}.A is failed` },
  })
  expect(view.state).toBe('succeeded')
  expect(await childState(sim, 'B')).toBe('succeeded')
  const waited = (await readView(sim.store, `${runId}.B`)).nodes.get('A/check')
  expect(waited?.state).toBe('adopted')
})

test('a fleet that is canceled cancels the runs of its systems, and creates none', async () => {
  const { options } = fleetOf(['A', 'B', 'C'], { maxFailures: 0, maxParallel: 2 }, slow)
  let canceled = false
  const sim = await simulate({
    ...options,
    between: async (sim) => {
      if (canceled || (await childState(sim, 'A')) !== 'running') return
      canceled = true
      await sim.store.command(runId, { verb: 'cancel', reason: 'a test' }, 'operator-1')
    },
  })
  expect(canceled).toBe(true)
  expect((await sim.store.run(runId))?.state).toBe('canceled')
  expect(await childState(sim, 'A')).toBe('canceled')
  expect(await childState(sim, 'C')).toBe('none')
  expect(await sim.store.locks()).toEqual([])
})

test('a fleet that is paused pauses the runs of its systems, and they go on with it', async () => {
  const { options } = fleetOf(['A', 'B', 'C'], { maxFailures: 0, maxParallel: 2 }, slow)
  const seen = { paused: false, resumed: false }
  const command = (sim: Simulation, verb: 'pause' | 'resume') =>
    sim.store.command(runId, { verb, reason: 'a test' }, 'operator-1')
  const sim = await simulate({
    ...options,
    between: async (sim) => {
      if (!seen.paused && (await childState(sim, 'A')) === 'running') {
        seen.paused = true
        await command(sim, 'pause')
      } else if (seen.paused && !seen.resumed && (await childState(sim, 'A')) === 'paused') {
        seen.resumed = true
        await command(sim, 'resume')
      }
    },
  })
  expect(seen).toEqual({ paused: true, resumed: true })
  expect((await sim.store.run(runId))?.state).toBe('succeeded')
  await assertOnce(sim, ['A', 'B', 'C'])
})

for (const kind of kinds) {
  test(`${kind}: at every point of a fleet that is canceled, no run of a system is left behind`, async () => {
    let crashes = 0
    for (let point = 1; ; point++) {
      const { options } = fleetOf(['A', 'C'], { maxFailures: 0 }, slow)
      let canceled = false
      const sim = await simulate({
        ...options,
        mishaps: new Map([[point, kind]]),
        between: async (sim) => {
          const view = await readView(sim.store, runId).catch(() => undefined)
          if (canceled || view?.nodes.get('A')?.state !== 'running') return
          canceled = true
          await sim.store.command(runId, { verb: 'cancel', reason: 'a test' }, 'operator-1')
        },
      })
      const where = `${kind} at point ${point}: ${sim.names[point - 1] ?? '(none)'}`
      expect((await sim.store.run(runId))?.state, where).toBe('canceled')
      expect(await sim.store.runs({ open: true }), where).toEqual([])
      expect(await sim.store.locks(), where).toEqual([])
      if (sim.points < point) break
      crashes += 1
    }
    expect(crashes).toBeGreaterThan(20)
  })
}
