import { z } from 'zod'
import type { Clock } from '#model/time.ts'
import type { AnyStepType } from '#runbook/step-type.ts'
import type { Observation } from './looks.ts'
import type { Plan, PlanNode } from './plan.ts'

/** For the tests of looking at the world for a plan: plans of a few nodes, and types of which only that is given that counts. */

/** Real time to wait by; what it tells is always the same. */
export const clock: Clock = {
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

export function node(
  id: string,
  type: string,
  input: Record<string, unknown> = {},
  own: Partial<PlanNode> = {},
): PlanNode {
  return {
    ...{ id, type, with: input, system: id.split('/')[0] ?? null, title: { ko: id, en: id }, typeVersion: 1 },
    ...{ gate: null, needs: [], verify: null, wave: 1 },
    limits: { attemptMs: 1, totalMs: 1, retryMax: 0, retryBaseMs: 1 },
    ...own,
  }
}

export function planOf(nodes: PlanNode[], digest = 'sha256:0'): Plan {
  return {
    digest,
    subject: {
      mode: 'failover',
      toSite: 'b',
      runbooks: {},
      catalogue: '',
      inputs: {},
      nodes,
      assumptions: [],
    },
    systems: [{ system: digest, wave: 1, why: [], rtoTargetMs: 0, rpoTargetMs: 0 }],
    notes: [],
    observed: { at: '', changes: {} },
  }
}

/** A type whose state is absent, and that changes nothing, unless told otherwise. */
export function stepType(own: Partial<AnyStepType>) {
  return {
    input: z.record(z.string(), z.unknown()),
    observe: () => Promise.resolve(0),
    judge: () => 'absent' as const,
    plan: () => Promise.resolve([]),
    adopt: () => ({}),
    ...own,
  }
}

export const away = stepType({ observe: () => Promise.reject(new Error('10.0.0.1:5432 did not answer')) })
export const silent = stepType({ observe: () => new Promise(() => {}) })

export const observation: Omit<Observation, 'stepTypes'> = {
  readers: {},
  site: 'b',
  clock,
  signal: new AbortController().signal,
  withinMs: 5_000,
  totalMs: 60_000,
  concurrency: 2,
}
