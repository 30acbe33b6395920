import { describe, expect, test } from 'vitest'
import type { Clock } from '#model/time.ts'
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
const seen: string[] = []
const observation = {
  stepTypes: new Map([
    [
      'scale',
      {
        observe: () => Promise.resolve(0),
        plan: (_ctx: unknown, _input: unknown, state: unknown) =>
          Promise.resolve([{ certainty: 'exact' as const, target: 'web', before: state, after: 1 }]),
      },
    ],
    [
      'away',
      {
        observe: () => Promise.reject(new Error('10.0.0.1:5432 did not answer')),
        plan: () => Promise.resolve([]),
      },
    ],
    ['silent', { observe: () => new Promise(() => {}), plan: () => Promise.resolve([]) }],
    [
      'tell',
      {
        observe: (ctx: object) => Promise.resolve(seen.push(...Object.keys(ctx))),
        plan: () => Promise.resolve([]),
      },
    ],
  ]),
  readers: {},
  clock,
  signal: new AbortController().signal,
  withinMs: 20,
  concurrency: 2,
}

describe('looking at the world for a plan', () => {
  test('says what each step would change, and what could not be looked at and why', async () => {
    const { observed, digest } = await observePlan(
      plan([
        node('AA/scale', 'scale'),
        node('AA/away', 'away'),
        node('AA/silent', 'silent'),
        node('AA/later', 'scale', { epoch: { $expr: 'steps.acquire.epoch' } }),
      ]),
      observation,
    )
    expect(digest).toBe('sha256:0')
    expect(observed.changes).toEqual({
      'AA/scale': [{ certainty: 'exact', target: 'web', before: 0, after: 1 }],
      'AA/away': [{ certainty: 'opaque', target: 'AA/away', why: '10.0.0.1:5432 did not answer' }],
      'AA/silent': [{ certainty: 'opaque', target: 'AA/silent', why: 'no answer within 20 ms' }],
      'AA/later': [{ certainty: 'opaque', target: 'AA/later', why: 'its input comes from steps before it' }],
    })
  })

  test('hands no writers to step types', async () => {
    await observePlan(plan([node('AA/tell', 'tell')]), observation)
    expect(seen).toContain('readers')
    expect(seen).not.toContain('writers')
  })
})
