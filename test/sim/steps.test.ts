import { expect, test } from 'vitest'
import { HaetaeError } from '#model/errors.ts'
import { Unreachable } from '#runbook/step-type.ts'
import { kinds, landed, own, run } from './world/answering.ts'
import { limits, node, planOf } from './world/plans.ts'
import { runId, simulate } from './world/simulate.ts'
import { change } from './world/types.ts'

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

test('a try that ended with its process is none of those that the plan allows', async () => {
  let kills = 0
  const types = own(
    {
      needsAuthority: true,
      apply: async (ctx, { thing }, seen) => {
        const { process } = ctx.readers
        if (kills++ < 6) {
          process.kill()
          await process.running()
        }
        change(ctx, thing, seen.version, { epoch: 7 })
        return { version: 1 }
      },
    },
    'point-of-no-return',
  )
  const plan = planOf([node('A/one', 'own', [], { limits: { ...limits, retryMax: 1 } })])
  const { sim, view } = await run({
    plan,
    types,
    between: (now) => {
      if (now.processes.every(({ alive }) => !alive)) now.bootAnother()
    },
  })
  expect([view.state, kills, landed(sim)]).toEqual(['succeeded', 7, ['A/one']])
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
        change(ctx, thing, seen.version, { epoch: 7 })
        throw new Unreachable(thing, new Error('connection reset'))
      },
    },
    'point-of-no-return',
  )
  const { sim, view } = await run({ plan: planOf([node('A/one', 'own')]), types })
  expect([view.state, landed(sim)]).toEqual(['succeeded', ['A/one']])
  expect(await kinds(sim, 'A/one')).toEqual(['intended', 'proven', 'attempt-unknown', 'adopted'])
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
  const from = (id: string) => ({ with: { thing: 'x', from: { $expr: `steps.${id}` } } })
  const good = planOf([node('A/one', 'sim.set'), node('A/two', 'own', ['A/one'], from('one'))])
  expect((await run({ plan: good, types })).view.state).toBe('succeeded')
  expect(inputs).toEqual([{ thing: 'x', from: { version: 1 } }])
  const bad = planOf([node('A/two', 'own', [], from('none'))])
  expect((await run({ plan: bad, types })).question('A/two')?.reason).toBe('definition')
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
  expect(order.slice(4)).toEqual(order.slice(4).toSorted((a, b) => a - b))
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

test('a stopped engine lets what is under way end, and another daemon goes on at once', async () => {
  const types = own({
    apply: async (ctx, { thing }, seen) => {
      await ctx.clock.sleep(2_000)
      change(ctx, thing, seen.version)
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

test('the time of a step is over when it has passed, although the clock on the wall is set back', async () => {
  let looks = 0
  const types = own({
    observe: () => {
      looks += 1
      return Promise.reject(new Unreachable('db', new Error('timeout')))
    },
  })
  const { sim, question } = await run({
    plan: planOf([node('A/one', 'own')]),
    types,
    wall: (now) => (looks < 3 ? now : now - 3_600_000),
    patienceMs: 10 * limits.totalMs,
  })
  expect(question('A/one')?.reason).toBe('unreachable')
  const began = Date.parse((await sim.store.run(runId))?.createdAt ?? '')
  expect(sim.clock.now() - began).toBeLessThan(limits.totalMs + 40_000)
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

test('a step whose target cannot be looked at holds by its answer; a lost answer is a question until a person decides', async () => {
  let tries = 0
  const types = own(
    {
      precondition: { kind: 'checked', by: 'the key' },
      observe: async (ctx) => ({ version: { none: 0, done: 1, lost: -1 }[ctx.lastTry], on: false, keys: [] }),
      judge: (_input, { version }) => (version === 0 ? 'absent' : version > 0 ? 'holds' : 'unclear'),
      apply: async (ctx, { thing }) => {
        tries += 1
        const { world, process } = ctx.readers
        const about = { key: ctx.key, node: ctx.nodeId, by: process, epoch: null, late: false }
        world.change(thing, 'once for its key', about)
        if (tries === 1) throw new Unreachable(thing, new Error('connection reset'))
        return { version: 1 }
      },
    },
    'keyed',
  )
  const plan = planOf([node('A/one', 'own')])
  const asked = await run({ plan, types })
  expect(asked.question('A/one')).toMatchObject({ reason: 'unclear' })
  expect(tries).toBe(1)
  tries = 0
  const { sim, view } = await run({ plan, types }, { 'A/one': ['retry'] })
  expect([view.state, tries, landed(sim)]).toEqual(['succeeded', 2, ['A/one']])
  const kindsOf = await kinds(sim, 'A/one')
  expect(kindsOf).toEqual([
    ...['intended', 'attempt-unknown', 'asked', 'decided'],
    ...['intended', 'applied', 'succeeded'],
  ])
})

test('what a step says of its failure is told with its reason', async () => {
  const types = own({
    apply: async () => {
      throw new HaetaeError('check-failed', 'GPK', { why: 'it answered 503' })
    },
  })
  const plan = planOf([node('A/one', 'own', [], { limits: { ...limits, retryMax: 0 } })])
  const { view } = await run({ plan, types })
  expect(view.nodes.get('A/one')?.failure?.message).toBe(
    'the web service did not pass the check: GPK: it answered 503',
  )
})

test('a step that nothing relies on is skipped with its reason, and what comes after it goes on', async () => {
  let tries = 0
  const unreachable = own({
    optional: true,
    observe: async () => ({ version: 0, keys: [] }),
    apply: async (_ctx, { thing }) => {
      tries += 1
      throw new Unreachable(thing, new Error('connection refused'))
    },
  })
  const about = { limits: { ...limits, retryMax: 2 }, verify: null }
  const plan = planOf([node('A/tell', 'own', [], about), node('A/next', 'sim.set', ['A/tell'])])
  const { sim, view, state } = await run({ plan, types: unreachable })
  expect([view.state, state('A/tell'), tries, landed(sim)]).toEqual(['succeeded', 'skipped', 3, ['A/next']])
  expect(view.nodes.get('A/tell')?.failure).toMatchObject({ kind: 'unreachable' })
  const refused = own({
    optional: true,
    apply: async () => {
      throw new HaetaeError('call-refused', 'POST /', { why: 'it answered 404' })
    },
  })
  const second = await run({ plan, types: refused })
  expect([second.view.state, second.state('A/tell')]).toEqual(['succeeded', 'skipped'])
})
