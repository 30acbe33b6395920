import { expect, test } from 'vitest'
import type { Approvals } from '#engine/ports.ts'
import { readView } from '#engine/run-reader.ts'
import type { Decision } from '#engine/state/events.ts'
import { Unreachable } from '#runbook/step-type.ts'
import { kinds, landed, own, run } from './world/answering.ts'
import { gate, node, planOf, smallPlan } from './world/plans.ts'
import { requester, runId, simulate, type SimOptions, type Simulation } from './world/simulate.ts'
import { change } from './world/types.ts'

const twoSteps = () => planOf([node('A/one', 'own'), node('A/two', 'sim.keyed', ['A/one'])])

test('a gate waits for its quorum of distinct people, and the requester never counts', async () => {
  const signed = [requester, 'approver-1', 'approver-1']
  const approvals: Approvals = { at: async () => ({ granted: [...signed], rejected: [] }) }
  const seen: string[] = []
  const { view } = await run({
    plan: smallPlan(),
    approvals,
    between: async (sim) => {
      if (sim.clock.now() % 10_000 > 9_000 && signed.length < 4) {
        const now = await readView(sim.store, runId)
        seen.push(`${now.state} ${now.nodes.get('approve')?.approvedBy.join()} ${sim.world.landed.length}`)
        signed.push('approver-2')
      }
    },
  })
  expect(seen).toEqual(['waiting approver-1 0'])
  expect(view.state).toBe('succeeded')
  expect(view.nodes.get('approve')?.output).toEqual({ by: ['approver-1', 'approver-2'] })
})

test('a gate whose glass was broken opens with fewer people, and its output says who broke it', async () => {
  const approvals: Approvals = {
    at: async () => ({ granted: ['approver-1'], rejected: [], glassBrokenBy: ['commander-1'] }),
  }
  const { view } = await run({ plan: smallPlan(), approvals })
  expect(view.state).toBe('succeeded')
  expect(view.nodes.get('approve')?.output).toEqual({ by: ['approver-1'], glassBrokenBy: ['commander-1'] })
})

test('approvals that cannot be told are asked for again', async () => {
  let asked = 0
  const approvals: Approvals = {
    at: async () => {
      asked += 1
      if (asked < 4) throw new Error('database gone')
      return { granted: ['approver-1', 'approver-2'], rejected: [] }
    },
  }
  expect((await run({ plan: smallPlan(), approvals })).view.state).toBe('succeeded')
})

test('an approver who says no stops the run at a question; given up, nothing was touched', async () => {
  const approvals: Approvals = {
    at: async () => ({ granted: ['approver-1'], rejected: [{ by: 'approver-2', reason: 'no' }] }),
  }
  const asked = await run({ plan: smallPlan(), approvals })
  expect([asked.view.state, asked.question('approve')?.reason]).toEqual(['needs-person', 'rejected'])
  const given = await run({ plan: smallPlan(), approvals }, { approve: ['fail'] })
  expect(given.view.state).toBe('failed')
  expect(given.state('A/promote')).toBe('canceled')
  expect(landed(given.sim)).toEqual([])
})

test('a broken assumption at the start is a question about the run, and nothing begins before it is answered', async () => {
  let answers = Infinity
  const options: SimOptions = {
    plan: smallPlan(),
    assumptions: {
      broken: async ({ plan }) => {
        const broken = plan.subject.assumptions.map((assumption) => ({ assumption, why: 'it answers' }))
        return answers-- > 0 ? broken : []
      },
    },
  }
  const asked = await run(options)
  const { state, question } = asked.view
  expect([state, question?.reason, landed(asked.sim)]).toEqual(['needs-person', 'assumption', []])
  const stopped = await run(options, { run: ['fail'] })
  expect([stopped.view.state, landed(stopped.sim)]).toEqual(['canceled', []])
  answers = 2
  expect((await run(options, { run: ['retry', 'retry'] })).view.state).toBe('succeeded')
})

test('an assumption that broke on the way stops the point of no return and nothing else', async () => {
  const plan = planOf([
    node('A/promote', 'sim.promote'),
    node('A/scale', 'sim.set', ['A/promote']),
    node('B/set', 'sim.set'),
  ])
  const { sim, view, state, question } = await run({
    plan,
    assumptions: {
      broken: async ({ moment }) =>
        moment === 'start'
          ? []
          : plan.subject.assumptions.map((assumption) => ({ assumption, why: 'it answers' })),
    },
  })
  expect(landed(sim)).toEqual(['B/set'])
  expect([view.state, state('A/promote')]).toEqual(['needs-person', 'needs-person'])
  expect([state('A/scale'), state('B/set')]).toEqual(['waiting', 'succeeded'])
  expect(question('A/promote')?.choices).toEqual(['retry', 'fail'])
})

test('a step that needs authority asks a person when the run holds none, and leaves no intent', async () => {
  const { sim, question } = await run({
    plan: planOf([node('A/promote', 'sim.promote')]),
    epoch: () => undefined,
  })
  expect(question('A/promote')?.reason).toBe('no-authority')
  expect(await kinds(sim, 'A/promote')).toEqual(['asked'])
})

test('authority that is lost between the intent and the effect is no authority: nothing is changed', async () => {
  let asked = 0
  const epoch = () => {
    asked += 1
    return asked === 1 ? 7 : 8
  }
  const { sim, question } = await run({ plan: planOf([node('A/promote', 'sim.promote')]), epoch })
  expect(landed(sim)).toEqual([])
  expect(question('A/promote')?.reason).toBe('no-authority')
  expect(await kinds(sim, 'A/promote')).toEqual(['intended', 'proven', 'attempt-failed', 'asked'])
})

test('authority that cannot be told is asked for again', async () => {
  let asked = 0
  const epoch = () => {
    asked += 1
    if (asked < 3) throw new Error('database gone')
    return 7
  }
  expect((await run({ plan: planOf([node('A/promote', 'sim.promote')]), epoch })).view.state).toBe(
    'succeeded',
  )
})

test('an unclear world is a question with both facts, and each answer is followed', async () => {
  const types = own({ judge: () => 'unclear' })
  const asked = await run({ plan: twoSteps(), types })
  expect(asked.question('A/one')).toMatchObject({
    reason: 'unclear',
    facts: { observed: { version: 0 } },
    choices: ['retry', 'holds', 'fail'],
  })
  const vouched = await run({ plan: twoSteps(), types }, { 'A/one': ['retry', 'holds'] })
  expect([vouched.state('A/one'), vouched.state('A/two'), vouched.view.state]).toEqual([
    'adopted',
    'succeeded',
    'succeeded',
  ])
  const given = await run({ plan: twoSteps(), types }, { 'A/one': ['fail'] })
  expect([given.state('A/one'), given.state('A/two'), given.view.state]).toEqual([
    'failed',
    'canceled',
    'failed',
  ])
  expect(given.view.nodes.get('A/two')?.canceled).toEqual({
    left: 'untouched',
    why: 'it needs A/one, which is failed',
  })
})

test('a person who says that it is safe to try again is asked once, and again only for a new lost answer', async () => {
  let lost = 0
  const types = own({
    precondition: { kind: 'unfenced', why: 'a webhook' },
    apply: async (ctx, { thing }) => {
      if (lost++ < 2) throw new Unreachable(thing, new Error('connection reset'))
      const { world, process } = ctx.readers
      world.change(thing, 'always', { key: ctx.key, node: ctx.nodeId, by: process, epoch: 7, late: false })
      return { version: 1 }
    },
  })
  const answers: Decision[] = ['retry', 'retry', 'retry', 'retry']
  const { sim, view } = await run({ plan: planOf([node('A/one', 'own')]), types }, { 'A/one': answers })
  expect([view.state, landed(sim)]).toEqual(['succeeded', ['A/one']])
  expect((await kinds(sim, 'A/one')).filter((kind) => kind === 'decided')).toHaveLength(2)
})

test('a cancel begins nothing more, waits for the effect under way, and says where things were left', async () => {
  const plan = planOf([
    node('A/slow', 'own'),
    node('A/next', 'sim.set', ['A/slow']),
    node('B/wait', 'sim.set', ['gate']),
    { ...gate('gate', 5) },
  ])
  const types = own({
    apply: async (ctx, { thing }, seen) => {
      await ctx.clock.sleep(3_000)
      change(ctx, thing, seen.version)
      return { version: 1 }
    },
  })
  let canceled = false
  const { sim, view, state } = await run({
    plan,
    types,
    between: async (now) => {
      const running = !canceled && (await kinds(now, 'A/slow')).includes('intended')
      if (!running) return
      canceled = true
      void now.engine.ask(runId, { verb: 'cancel', reason: 'false alarm' }, 'commander-1')
    },
  })
  expect(landed(sim)).toEqual(['A/slow'])
  expect([view.state, state('A/slow')]).toEqual(['canceled', 'succeeded'])
  expect(['A/next', 'B/wait', 'gate'].map(state)).toEqual(['canceled', 'canceled', 'canceled'])
  expect(view.canceling).toMatchObject({ by: 'commander-1', reason: 'false alarm' })
  expect(view.nodes.get('A/next')?.canceled?.left).toBe('untouched')
})

test('a canceled run tells of an effect whose answer was lost whether it is there', async () => {
  const types = own({
    apply: async (ctx, { thing }) => {
      await ctx.clock.sleep(2_000)
      throw new Unreachable(thing, new Error('reset'))
    },
  })
  let canceled = false
  const { view } = await run({
    plan: planOf([node('A/one', 'own')]),
    types,
    between: async (now) => {
      if (canceled || !(await kinds(now, 'A/one')).includes('intended')) return
      canceled = true
      void now.engine.ask(runId, { verb: 'cancel', reason: 'false alarm' }, 'commander-1')
    },
  })
  expect(view.state).toBe('canceled')
  expect(view.nodes.get('A/one')?.canceled?.left).toBe('absent')
})

test('at every moment of a run with questions, why can be told for every node', async () => {
  const plan = smallPlan()
  const reasons = new Set<string>()
  await simulate({
    plan,
    approvals: { at: async () => ({ granted: ['approver-1'], rejected: [] }) },
    patienceMs: 20_000,
    between: async (sim) => {
      for (const { id } of plan.subject.nodes) {
        void sim.engine.runs.why(runId, id).then(
          (why) => reasons.add(`${id}: ${why.text.en}`),
          () => {},
        )
      }
    },
  })
  expect([...reasons]).toContain('approve: 1 of 2 signatures (failover)')
  expect([...reasons]).toContain('A/acquire: needs approve (waiting)')
})

test('a cancel ends a run that waits for people, and what asks afterwards is canceled too', async () => {
  let canceled = false
  const cancelOnce = async (now: Simulation, when: boolean) => {
    if (canceled || !when) return
    canceled = true
    void now.engine.ask(runId, { verb: 'cancel', reason: 'false alarm' }, 'commander-1')
  }
  const asks = own({ judge: () => 'unclear' })
  const waiting = await run({
    plan: twoSteps(),
    types: asks,
    between: async (now) => cancelOnce(now, (await kinds(now, 'A/one')).includes('asked')),
  })
  expect([waiting.view.state, waiting.state('A/one'), waiting.state('A/two')]).toEqual([
    'canceled',
    'canceled',
    'canceled',
  ])
  canceled = false
  let sim: Simulation | undefined
  const late = await run({
    plan: planOf([node('A/promote', 'sim.promote')]),
    assumptions: {
      broken: async ({ moment, plan }) => {
        if (moment === 'start') return []
        await sim?.clock.sleep(3_000)
        return plan.subject.assumptions.map((assumption) => ({ assumption, why: 'it answers' }))
      },
    },
    between: async (now) => {
      sim = now
      await cancelOnce(now, (await kinds(now, 'A/promote')).includes('intended'))
    },
  })
  expect([late.view.state, landed(late.sim)]).toEqual(['canceled', []])
  expect(await kinds(late.sim, 'A/promote')).toEqual(['intended', 'attempt-failed', 'asked', 'node-canceled'])
})
