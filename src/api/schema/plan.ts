import { z } from 'zod'
import type { Plan } from '#plan/plan.ts'
import { anything, instant, localized, runId, text } from './common.ts'

const stepSketch = z.object({
  type: z.string(),
  with: anything,
  needs: z.array(z.string()),
  rest: z.string(),
})

const planNode = z.object({
  id: z.string(),
  system: z.string().nullable(),
  title: localized,
  type: z.string(),
  typeVersion: z.int(),
  with: anything,
  gate: z.object({ purpose: z.enum(['failover', 'operation', 'attestation']), quorum: z.int() }).nullable(),
  needs: z.array(z.string()),
  after: z.array(z.string()).optional(),
  waitFor: z
    .discriminatedUnion('kind', [
      z.object({ kind: z.literal('person'), role: z.string(), instructions: localized }),
      z.object({ kind: z.literal('time'), ms: z.number() }),
      z.object({ kind: z.literal('steps'), maxFailures: z.int() }),
      z.object({
        kind: z.literal('fleet'),
        maxFailures: z.int(),
        maxParallel: z.int().optional(),
        ramp: z.array(z.int()).optional(),
      }),
      z.object({
        kind: z.literal('run'),
        digest: z.string(),
        parts: anything,
        steps: z.record(z.string(), stepSketch).optional(),
        prerequisites: z.array(z.string()),
      }),
      z.object({ kind: z.literal('sibling'), system: z.string(), node: z.string() }),
    ])
    .optional(),
  finally: z.literal(true).optional(),
  group: z.string().optional(),
  onUnreachable: z.enum(['ask', 'wait', 'skip']).optional(),
  limits: z.object({
    attemptMs: z.number(),
    totalMs: z.number(),
    retryMax: z.number(),
    retryBaseMs: z.number(),
    retryOn: z.array(z.enum(['unreachable', 'refused', 'deadline', 'verify', 'error'])).optional(),
  }),
  verify: z.object({ withinMs: z.number(), everyMs: z.number() }).nullable(),
  wave: z.int(),
})

const change = z.object({
  certainty: z.enum(['exact', 'predicted', 'opaque']),
  target: z.string(),
  site: z.string().exactOptional(),
  before: z.unknown().optional(),
  after: z.unknown().optional(),
  why: text.exactOptional(),
  refused: z.string().exactOptional(),
})

const lossForecast = z.object({
  seconds: z.number().nullable(),
  atMost: z.boolean(),
  sourceHeartbeatAt: z.string().nullable(),
  why: localized,
})

const changeCounts = z.object({
  exact: z.int(),
  predicted: z.int(),
  opaque: z.int(),
  refused: z.int(),
  notLooked: z.int(),
})

const fleetChanges = z.object({
  systems: z.object({ all: z.int(), looked: z.int() }),
  kinds: z.array(changeCounts.extend({ site: z.string(), type: z.string() })),
  bySystem: z.record(z.string(), changeCounts),
  left: z.array(z.object({ why: localized, systems: z.int(), such: z.array(z.string()) })),
})

const observed = z.object({
  at: z.string(),
  changes: z.record(z.string(), z.array(change)),
  forecast: z
    .object({
      loss: z.record(z.string(), lossForecast),
      duration: z
        .object({
          ms: z.number(),
          criticalPath: z.array(z.string()),
          systems: z.record(z.string(), z.number()),
          measured: z.record(z.string(), z.object({ ms: z.number(), steps: z.int(), runs: z.int() })),
          fromLimits: z.array(z.string()),
        })
        .exactOptional(),
    })
    .optional(),
  fleet: fleetChanges.optional(),
})

/** A plan on the wire is the plan itself (plan/plan.ts): its digest can be computed again by whoever reads it. */
export const plan = z.custom<Plan>() satisfies z.ZodType<Plan>

/** The documented shape of a plan, for OpenAPI; a test holds it equal to plan/plan.ts by type. */
export const planShape = z.object({
  digest: z.string(),
  subject: z.object({
    mode: z.enum(['failover', 'operation']),
    fromSite: z.string().optional(),
    toSite: z.string(),
    runbooks: z.record(z.string(), z.string()),
    catalogue: z.string(),
    inputs: anything,
    nodes: z.array(planNode),
    assumptions: z.array(
      z.object({
        kind: z.string(),
        subject: z.string(),
        statement: localized,
        bound: anything,
      }),
    ),
  }),
  systems: z.array(
    z.object({
      system: z.string(),
      wave: z.int(),
      recoverability: z.enum(['full', 'limited', 'not-recoverable']).optional(),
      why: z.array(localized),
      rtoTargetMs: z.number(),
      rpoTargetMs: z.number().nullable(),
    }),
  ),
  notes: z.array(localized),
  /** Beside the digest: what each node would change, as the world was when the plan was made. */
  observed,
})

const assumptionKind = z.enum([
  'actions',
  'source-silent',
  'active-site',
  'fence',
  'recovery-point',
  'loss-bound',
])

export const runDrift = z.object({
  run: runId,
  planDigest: z.string(),
  /** When the plan was made, and when it was looked at again. */
  observedAt: z.string(),
  now: instant,
  /** What holds no more: it voids the approvals. */
  broken: z.array(z.object({ kind: assumptionKind, subject: z.string(), statement: localized, why: text })),
  /** Why the assumptions could not be proven now; null when they could. */
  unproven: z.string().nullable(),
  /** Nodes that have not begun and would change something else by now. */
  nodes: z.array(
    z.object({
      node: z.string(),
      system: z.string().nullable(),
      before: z.array(change),
      now: z.array(change),
    }),
  ),
  losses: z.array(z.object({ system: z.string(), before: lossForecast.nullable(), now: lossForecast })),
  /** Systems of a fleet that have not begun and would be planned otherwise by now: each is held back at its turn. */
  parts: z.array(
    z.object({
      node: z.string(),
      /** Parts of the plan that have another digest, by name. */
      changed: z.array(z.string()),
      differs: z.array(z.object({ name: z.string(), approved: z.unknown(), now: z.unknown() })),
      /** Why no plan can be made of it now; null when one can. */
      unplanned: text.nullable(),
    }),
  ),
})

export type RunDrift = z.infer<typeof runDrift>
