import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import type { Clock } from '#model/time.ts'
import type { AnyStepType } from '#runbook/step-type.ts'
import { observePlan } from './observe.ts'
import type { Plan, PlanNode } from './plan.ts'

const clock: Clock = {
  now: () => 0,
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(resolve, ms)
      signal?.addEventListener('abort', () => {
        clearTimeout(timer)
        reject(signal.reason as Error)
      })
    }),
}
const node = (id: string, type: string, input: Record<string, unknown> = {}): PlanNode => ({
  id,
  system: 'AA',
  title: { ko: '단계', en: 'Step' },
  type,
  typeVersion: 1,
  with: input,
  gate: null,
  needs: [],
  limits: { attemptMs: 1, totalMs: 1, retryMax: 0, retryBaseMs: 1 },
  verify: null,
  wave: 1,
})
const plan = (nodes: PlanNode[]): Plan => ({
  digest: 'sha256:0',
  subject: {
    mode: 'failover',
    fromSite: 'a',
    toSite: 'b',
    runbooks: {},
    catalogue: '',
    inputs: {},
    nodes,
    assumptions: [],
  },
  systems: [],
  notes: [],
  observed: { at: '', changes: {} },
})
const object = z.record(z.string(), z.unknown())
/** A step type of which only what a test is about is given. */
const type = (own: Partial<AnyStepType>) => ({
  input: object,
  observe: () => Promise.resolve(0),
  judge: () => 'absent' as const,
  plan: () => Promise.resolve([]),
  adopt: () => ({}),
  ...own,
})
const scale = type({
  plan: (_ctx, _input, state: unknown) =>
    Promise.resolve([{ certainty: 'exact', target: 'web', before: state, after: 1 }]),
})
const promote = type({
  plan: (_ctx, { epoch, site }: { epoch: number; site?: string }) =>
    Promise.resolve([
      { certainty: 'exact', target: 'db', after: { epoch }, ...(site === undefined ? {} : { site }) },
    ]),
})
const stepTypes = new Map([
  ['scale', scale],
  ['acquire', type({ foresee: () => ({ epoch: 7 }) })],
  ['promote', promote],
  ['there', type({ judge: () => 'holds', adopt: () => ({ epoch: 3 }) })],
  ['away', type({ observe: () => Promise.reject(new Error('10.0.0.1:5432 did not answer')) })],
  ['silent', type({ observe: () => new Promise(() => {}) })],
])
const observation = {
  stepTypes,
  readers: {},
  site: 'b',
  clock,
  signal: new AbortController().signal,
  withinMs: 20,
  totalMs: 5_000,
  concurrency: 2,
}
const later = { epoch: { $expr: 'steps.acquire.epoch' } }
const changesOf = async (nodes: PlanNode[], over: Partial<typeof observation> = {}) =>
  (await observePlan(plan(nodes), { ...observation, ...over })).observed.changes

describe('looking at the world for a plan', () => {
  test('says what each step would change and where, and what could not be looked at and why', async () => {
    const nodes = [node('AA/scale', 'scale'), node('AA/away', 'away'), node('AA/silent', 'silent')]
    const { observed, digest } = await observePlan(plan(nodes), observation)
    expect(digest).toBe('sha256:0')
    expect(observed.changes).toEqual({
      'AA/scale': [{ certainty: 'exact', site: 'b', target: 'web', before: 0, after: 1 }],
      'AA/away': [{ certainty: 'opaque', target: 'AA/away', why: '10.0.0.1:5432 did not answer' }],
      'AA/silent': [
        {
          certainty: 'opaque',
          target: 'AA/silent',
          why: { ko: expect.anything(), en: 'no answer within 20 ms' },
        },
      ],
    })
  })

  test('what rests on the output of another step is predicted from what that one will give', async () => {
    const changes = await changesOf([node('AA/promote', 'promote', later), node('AA/acquire', 'acquire')])
    expect(changes['AA/promote']).toMatchObject([
      { certainty: 'predicted', after: { epoch: 7 }, why: { en: expect.stringContaining('AA/acquire') } },
    ])
  })

  test('the output of a step that holds already is known without being foreseen', async () => {
    const changes = await changesOf([node('AA/acquire', 'there'), node('AA/promote', 'promote', later)])
    expect(changes['AA/promote']).toMatchObject([{ certainty: 'predicted', after: { epoch: 3 } }])
  })

  test.each([
    ['cannot be foreseen', 'scale'],
    ['could not be looked at', 'away'],
    ['is of no node that acts', 'gone'],
  ])('what rests on an output that %s is opaque and names the step', async (_what, other) => {
    const changes = await changesOf([node('AA/acquire', other), node('AA/promote', 'promote', later)])
    expect(changes['AA/promote']).toMatchObject([
      { certainty: 'opaque', why: { en: expect.stringContaining('AA/acquire') } },
    ])
  })

  test('a second change of the same thing is not exact, and names the step that comes before', async () => {
    const changes = await changesOf([
      node('AA/first', 'scale'),
      { ...node('AA/second', 'scale'), needs: ['AA/first'] },
      node('AA/elsewhere', 'promote', { epoch: 1, site: 'c' }),
    ])
    expect(changes['AA/first']).toMatchObject([{ certainty: 'exact' }])
    expect(changes['AA/second']).toMatchObject([
      { certainty: 'predicted', why: { en: 'AA/first changes it before' } },
    ])
    expect(changes['AA/elsewhere']).toMatchObject([{ certainty: 'exact', site: 'c' }])
  })

  test('a silent site keeps nobody from looking at another, and the whole has an end', async () => {
    const silent = Array.from({ length: 50 }, (_, at) => node(`S/${at}`, 'silent', { site: 'a' }))
    const changes = await changesOf([...silent, node('AA/scale', 'scale')], { withinMs: 4_000, totalMs: 100 })
    expect(changes['AA/scale']).toMatchObject([{ certainty: 'exact' }])
    expect(Object.keys(changes)).toHaveLength(51)
    for (const { id } of silent) {
      expect(changes[id]).toMatchObject([
        { certainty: 'opaque', site: 'a', why: { en: expect.stringContaining('time that planning has') } },
      ])
    }
  })

  test('no more are looked at at once than allowed', async () => {
    let now = 0
    let most = 0
    const busy = type({
      observe: async () => {
        most = Math.max(most, ++now)
        await clock.sleep(1)
        now -= 1
      },
    })
    const nodes = Array.from({ length: 20 }, (_, at) => node(`B/${at}`, 'busy'))
    await changesOf(nodes, { stepTypes: new Map([['busy', busy]]), withinMs: 1_000 })
    expect(most).toBe(2)
  })

  test('others have their turns on the event loop while thousands of steps are looked at', async () => {
    let [turns, going] = [0, true]
    const turn = () => {
      turns += 1
      if (going) setImmediate(turn)
    }
    setImmediate(turn)
    const nodes = Array.from({ length: 10_000 }, (_, at) => node(`AA/${at}`, 'scale'))
    const changes = await changesOf(nodes, { withinMs: 60_000, totalMs: 60_000 })
    going = false
    expect(Object.keys(changes)).toHaveLength(10_000)
    // One turn is that of the end.
    expect(turns).toBeGreaterThan(3)
  })

  test('hands no writers to step types', async () => {
    const handed: string[] = []
    const tell = type({ observe: (ctx: object) => Promise.resolve(handed.push(...Object.keys(ctx))) })
    await changesOf([node('AA/tell', 'tell')], { stepTypes: new Map([['tell', tell]]) })
    expect(handed).toContain('readers')
    expect(handed).not.toContain('writers')
  })
})
