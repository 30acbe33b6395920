import { randomUUID } from 'node:crypto'
import type { Pool } from 'pg'
import { z } from 'zod'
import { createEngine } from '#engine/engine.ts'
import { postgresJournal } from '#engine/journal/postgres.ts'
import { startSequencer } from '#ledger/sequencer.ts'
import { digestOf } from '#model/digest.ts'
import type { Plan, PlanNode } from '#plan/plan.ts'
import { systemClock } from '#platform/clock.ts'
import type { StepType } from '#runbook/step-type.ts'

const nothing = z.object({})
type Nothing = z.infer<typeof nothing>

/** Moments of `performance.now()`. */
export interface Measured {
  /** When the first run was asked for. */
  began: number
  /** When each effect began. */
  moments: number[]
  /** When the last run had ended, durable. */
  ended: number
}

export interface Runner {
  /** Starts a run of each plan, all at once; resolves when all have succeeded. */
  run(plans: readonly Plan[]): Promise<Measured>
}

/** The product's engine, journal and sequencer; only the step does nothing. Stopped by `stack`. */
export function createRunner(pool: Pool, stack: AsyncDisposableStack): Runner {
  let moments: number[] = []
  let open = 0
  let over = Promise.withResolvers<void>()
  // Trouble that nobody waits for yet must not end the process before it has tidied up.
  over.promise.catch(() => {})
  const trouble = (why: string) => over.reject(new Error(why))
  const sequencer = startSequencer({ pool, clock: systemClock, onTrouble: trouble })
  stack.defer(() => sequencer.stop())
  const engine = createEngine({
    journal: postgresJournal({ pool, clock: systemClock }),
    stepTypes: new Map([[noop.type, noopThatTells(() => moments.push(performance.now()))]]),
    contexts: { readers: () => undefined, writers: () => undefined },
    approvals: { at: async () => ({ granted: [], rejected: [] }) },
    assumptions: { broken: async () => [] },
    authority: { epochOf: async () => undefined },
    resolve: (node) => node.with,
    clock: systemClock,
    log: {
      info() {},
      warn: (fields, message) => trouble(`${message}: ${JSON.stringify(fields)}`),
      error: (fields, message) => trouble(`${message}: ${JSON.stringify(fields)}`),
    },
    metrics: {
      attemptEnded() {},
      nodeEnded() {},
      runEnded(outcome) {
        if (outcome !== 'succeeded') trouble(`a run ended ${outcome}`)
        open -= 1
        if (open === 0) over.resolve()
      },
      termLost: () => trouble('a term was lost'),
    },
    holder: { daemon: 'bench', incarnation: randomUUID() },
  })
  stack.defer(() => engine.stop(0))
  return {
    async run(plans) {
      moments = []
      open = plans.length
      over = Promise.withResolvers()
      const began = performance.now()
      const requests = plans.map((plan) => ({ id: randomUUID(), plan, requester: 'bench', reason: 'bench' }))
      const starts = requests.map((request) => engine.start(request))
      await Promise.all([over.promise, ...starts])
      return { began, moments, ended: performance.now() }
    },
  }
}

const noop: StepType<Nothing, Nothing, Nothing> = {
  type: 'bench.noop',
  version: 1,
  effect: 'idempotent',
  needsAuthority: false,
  precondition: { kind: 'checked', by: 'nothing: it has no effect' },
  inverse: { kind: 'none', why: 'it changes nothing' },
  requires: [],
  input: nothing,
  output: nothing,
  observe: async () => ({}),
  // Never there already, so that every step goes the whole way: intent, effect, outcome.
  judge: () => 'absent',
  plan: async () => [],
  apply: async () => ({}),
  adopt: () => ({}),
  invert: () => 'none',
}

function noopThatTells(began: () => void): typeof noop {
  return {
    ...noop,
    async apply() {
      began()
      return {}
    },
  }
}

/** Each step needs the one before it. */
export function chainPlan(length: number): Plan {
  return planOf(length, (index) => (index === 0 ? [] : [idOf(index - 1)]))
}

/** No step needs another. */
export function parallelPlan(size: number): Plan {
  return planOf(size, () => [])
}

function idOf(index: number): string {
  return `step-${index}`
}

function planOf(size: number, needs: (index: number) => string[]): Plan {
  const nodes = Array.from({ length: size }, (_, index): PlanNode => {
    const id = idOf(index)
    return {
      ...{
        id,
        system: null,
        title: { ko: id, en: id },
        type: noop.type,
        typeVersion: noop.version,
        with: {},
      },
      ...{ gate: null, needs: needs(index), verify: null, wave: 1 },
      limits: { attemptMs: 60_000, totalMs: 120_000, retryMax: 0, retryBaseMs: 100 },
    }
  })
  const subject: Plan['subject'] = {
    ...{ mode: 'failover', fromSite: 'daejeon', toSite: 'gwangju', runbooks: {}, catalogue: 'none' },
    ...{ inputs: {}, nodes, assumptions: [] },
  }
  const observed = { at: '2026-11-24T00:00:00.000Z', changes: {} }
  return { digest: digestOf(subject), subject, systems: [], notes: [], observed }
}
