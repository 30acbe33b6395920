import { expect, test } from 'vitest'
import type { Approvals } from '#engine/ports.ts'
import { readView } from '#engine/run-reader.ts'
import type { Decision } from '#engine/state/events.ts'
import { Unreachable, type AnyStepType } from '#runbook/step-type.ts'
import { violations } from './world/check.ts'
import { gate, limits, node, planOf, smallPlan } from './world/plans.ts'
import { requester, runId, simulate, type SimOptions, type Simulation } from './world/simulate.ts'
import { simType } from './world/types.ts'

/** Runs, answering each question (node id, or `run`) with the decisions given for it, in turn. */
async function run(options: SimOptions, answers: Record<string, Decision[]> = {}) {
  const left = structuredClone(answers)
  let deciding = false
  const sim = await simulate({
    ...options,
    between: async (now) => {
      await options.between?.(now)
      if ((await now.store.run(runId))?.state !== 'needs-person') return
      const view = await readView(now.store, runId)
      const asked = [...view.nodes.values()].filter((each) => each.question !== null).map((each) => each.id)
      for (const id of view.question === null ? asked : ['run', ...asked]) {
        const decision = view.commands.size === 0 && !deciding ? left[id]?.shift() : undefined
        if (decision === undefined) continue
        deciding = true
        // Not waited for here: it takes time, and time moves only when this returns.
        const decided = now.engine.decide(
          runId,
          id === 'run' ? null : id,
          decision,
          'commander-1',
          'as discussed',
        )
        void decided.finally(() => (deciding = false))
      }
    },
  })
  expect(await violations(sim)).toEqual([])
  const view = await readView(sim.store, runId)
  return {
    sim,
    view,
    state: (id: string) => view.nodes.get(id)?.state,
    question: (id: string) => view.nodes.get(id)?.question,
  }
}

const landed = (sim: Simulation) => sim.world.landed.map((change) => change.node)
const kinds = async (sim: Simulation, id: string) =>
  (await sim.store.read(runId, 0, 1e6)).flatMap(({ event }) =>
    'node' in event && event.node === id ? [event.kind] : [],
  )

/** A type of its own for one test, under the name `own`. */
function own(over: Parameters<typeof simType>[2], effect: AnyStepType['effect'] = 'idempotent') {
  return new Map([['own', simType('own', effect, over)]])
}

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

test('a step that ignores its deadline is not waited for', async () => {
  let tries = 0
  const types = own({
    apply: async () => {
      tries += 1
      if (tries === 1) await new Promise<never>(() => {})
      return { version: 1 }
    },
  })
  const { sim, view } = await run({ plan: planOf([node('A/one', 'own')]), types })
  expect(view.state).toBe('succeeded')
  expect(view.nodes.get('A/one')?.attempts.map(({ outcome }) => outcome)).toEqual(['unknown', 'applied'])
  expect(await kinds(sim, 'A/one')).toEqual([
    'intended',
    'attempt-unknown',
    'intended',
    'applied',
    'succeeded',
  ])
})

test('failures are tried again after growing pauses, as often as the plan allows, then a person is asked', async () => {
  const at: number[] = []
  const types = own({
    apply: async (ctx) => {
      at.push(ctx.clock.now())
      throw new Error('500')
    },
  })
  const plan = planOf([node('A/one', 'own', [], { limits: { ...limits, retryMax: 3 } })])
  const { question, view } = await run({ plan, types })
  expect(at).toHaveLength(4)
  const pauses = at.slice(1).map((time, index) => time - (at[index] ?? 0))
  expect(pauses.map((pause) => Math.floor(pause / 100))).toEqual([1, 2, 4])
  expect(question('A/one')).toMatchObject({ reason: 'exhausted', facts: { journal: { attempts: 4 } } })
  expect(view.nodes.get('A/one')?.attempts.every(({ outcome }) => outcome === 'failed')).toBe(true)
  at.length = 0
  await run({ plan, types }, { 'A/one': ['retry'] })
  expect(at).toHaveLength(8)
})

test('a target that never answers is looked at until the time of the step is over, then a person is asked', async () => {
  const types = own({ observe: () => Promise.reject(new Unreachable('db', new Error('timeout'))) })
  const { sim, question } = await run({ plan: planOf([node('A/one', 'own')]), types })
  expect(question('A/one')?.reason).toBe('unreachable')
  const began = Date.parse((await sim.store.run(runId))?.createdAt ?? '')
  expect(sim.clock.now() - began).toBeGreaterThanOrEqual(limits.totalMs)
  expect(sim.clock.now() - began).toBeLessThan(limits.totalMs + 40_000)
})

test('a lost answer is looked at: what holds is adopted, also at a point of no return', async () => {
  const types = own(
    {
      needsAuthority: true,
      apply: async (ctx, { thing }, seen) => {
        const { world, process } = ctx.readers
        world.change(thing, seen.version, {
          key: ctx.key,
          node: ctx.nodeId,
          by: process,
          epoch: 7,
          late: false,
        })
        throw new Unreachable(thing, new Error('connection reset'))
      },
    },
    'point-of-no-return',
  )
  const { sim, view } = await run({ plan: planOf([node('A/one', 'own')]), types })
  expect([view.state, view.nodes.get('A/one')?.state, landed(sim)]).toEqual([
    'succeeded',
    'adopted',
    ['A/one'],
  ])
})

test('a lost answer of a target that cannot refuse a late request is waited out, then a person is asked', async () => {
  const types = own({
    precondition: { kind: 'unfenced', why: 'a webhook' },
    apply: async (ctx, { thing }) => {
      throw new Unreachable(thing, new Error('connection reset'))
    },
  })
  const { view, question } = await run({ plan: planOf([node('A/one', 'own')]), types })
  expect(question('A/one')?.reason).toBe('unfenced')
  expect(view.nodes.get('A/one')?.attempts).toHaveLength(1)
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

test('verification looks until it holds, and a step that does not come to hold is tried again', async () => {
  let applied = 0
  let looks = 0
  const types = own({
    judge: () => (applied >= 2 && looks++ > 3 ? 'holds' : 'absent'),
    apply: async () => {
      applied += 1
      return { version: applied }
    },
  })
  const plan = planOf([node('A/one', 'own', [], { verify: { withinMs: 2_000, everyMs: 100 } })])
  const { view } = await run({ plan, types })
  expect(view.state).toBe('succeeded')
  expect(view.nodes.get('A/one')).toMatchObject({ state: 'succeeded', output: { version: 2 } })
  expect(view.nodes.get('A/one')?.attempts.map(({ failure }) => failure?.kind)).toEqual(['verify', undefined])
})

test('the output of a step reaches the input of a later one; one that is not there is a question', async () => {
  const inputs: unknown[] = []
  const types = own({
    apply: async (_ctx, input) => {
      inputs.push(input)
      return { version: 1 }
    },
  })
  const from = (id: string) => ({ with: { thing: 'x', from: { $expr: id } } })
  const good = planOf([node('A/one', 'sim.set'), node('A/two', 'own', ['A/one'], from('A/one'))])
  expect((await run({ plan: good, types })).view.state).toBe('succeeded')
  expect(inputs).toEqual([{ thing: 'x', from: { version: 1 } }])
  const bad = planOf([node('A/two', 'own', [], from('A/none'))])
  expect((await run({ plan: bad, types })).question('A/two')?.reason).toBe('definition')
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
      const { world, process } = ctx.readers
      world.change(thing, seen.version, {
        key: ctx.key,
        node: ctx.nodeId,
        by: process,
        epoch: null,
        late: false,
      })
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
      void now.engine.cancel(runId, 'commander-1', 'false alarm')
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
      void now.engine.cancel(runId, 'commander-1', 'false alarm')
    },
  })
  expect(view.state).toBe('canceled')
  expect(view.nodes.get('A/one')?.canceled?.left).toBe('absent')
})

test('no more steps are under way than there are places, and lower waves go first', async () => {
  let now = 0
  let most = 0
  const order: number[] = []
  const types = own({
    apply: async (ctx, { thing }) => {
      now += 1
      most = Math.max(most, now)
      order.push(Number(thing))
      await ctx.clock.sleep(50)
      now -= 1
      return { version: 1 }
    },
  })
  const plan = planOf(
    Array.from({ length: 30 }, (_, index) => {
      const wave = 3 - Math.floor(index / 10)
      return node(`S${index}/x`, 'own', [], { wave, with: { thing: String(wave) } })
    }),
  )
  const { view } = await run({ plan, types, concurrency: 4 })
  expect([view.state, most]).toEqual(['succeeded', 4])
  // The first places are taken before lower waves can ask.
  expect(order.slice(4)).toEqual(order.slice(4).toSorted())
})

test('steps that do not need each other run at the same time', async () => {
  const types = own({
    apply: async (ctx) => {
      await ctx.clock.sleep(1_000)
      return { version: 1 }
    },
  })
  const nodes = Array.from({ length: 10 }, (_, index) => node(`S${index}/x`, 'own'))
  const { view } = await run({ plan: planOf(nodes), types })
  expect(Date.parse(view.endedAt ?? '') - Date.parse(view.createdAt)).toBeLessThan(1_500)
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

test('a stopped engine lets what is under way end, and another daemon goes on at once', async () => {
  const types = own({
    apply: async (ctx, { thing }, seen) => {
      const { world, process } = ctx.readers
      await ctx.clock.sleep(2_000)
      world.change(thing, seen.version, {
        key: ctx.key,
        node: ctx.nodeId,
        by: process,
        epoch: null,
        late: false,
      })
      return { version: 1 }
    },
  })
  let stopped: Promise<void> | undefined
  const { sim, view } = await run({
    plan: planOf([node('A/one', 'own'), node('A/two', 'sim.set', ['A/one'])]),
    types,
    between: async (now) => {
      if (stopped !== undefined || !(await kinds(now, 'A/one')).includes('intended')) return
      stopped = now.engine.stop().then(() => now.bootAnother())
    },
  })
  expect(view.state).toBe('succeeded')
  expect(view.nodes.get('A/one')?.attempts.map(({ outcome }) => outcome)).toEqual(['applied'])
  expect([...sim.writers.keys()]).toEqual([1, 2])
})

test('a cancel ends a run that waits for people, and what asks afterwards is canceled too', async () => {
  let canceled = false
  const cancelOnce = async (now: Simulation, when: boolean) => {
    if (canceled || !when) return
    canceled = true
    void now.engine.cancel(runId, 'commander-1', 'false alarm')
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

test('a run whose execution fails again and again is taken again after ever longer pauses', async () => {
  const sim = await simulate({
    plan: planOf([node('A/one', 'sim.set')]),
    patienceMs: 120_000,
    mutate: (journal) => ({ ...journal, append: () => Promise.reject(new Error('disk full')) }),
  })
  const taken = (await sim.store.read(runId, 0, 1e6)).filter(({ event }) => event.kind === 'term-taken')
  expect(taken.length).toBeGreaterThan(4)
  expect(taken.length).toBeLessThan(20)
})

test('a clock on the wall that is set back holds no retry up', async () => {
  let tries = 0
  const types = own({
    apply: async () => {
      tries += 1
      if (tries === 1) throw new Error('500')
      return { version: 1 }
    },
  })
  const { sim, view } = await run({
    plan: planOf([node('A/one', 'own')]),
    types,
    wall: (now) => (tries === 0 ? now : now - 3_600_000),
  })
  expect([view.state, tries]).toEqual(['succeeded', 2])
  expect(sim.clock.now() - Date.parse(view.createdAt)).toBeLessThan(60_000)
})
