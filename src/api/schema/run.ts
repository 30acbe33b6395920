import { z } from 'zod'
import { words } from '#approval/statement-schema.ts'
import { purposeNames } from '#people/purposes.ts'
import type { Plan } from '#plan/plan.ts'
import { instant, localized, openFinding, runId, siteId, systemId, text } from './common.ts'

const nodeState = z.enum([
  'waiting',
  'running',
  'unknown',
  'needs-person',
  'succeeded',
  'adopted',
  'failed',
  'skipped',
  'canceled',
])
const runState = z.enum([
  'waiting',
  'running',
  'needs-person',
  'paused',
  'succeeded',
  'failed',
  'canceled',
  'rolled-back',
])
const anything = z.record(z.string(), z.unknown())

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
})

export const failoverRequest = z.object({
  /** The site that is lost or distrusted; the executing site is the daemon's own. */
  fromSite: siteId,
  /** Named systems; absent: every movable system that is active there. */
  systems: z.array(systemId).min(1).optional(),
  /** The runbook by which the systems go as a fleet, each in a run of its own; absent: all in one run. */
  fleet: z.string().min(1).max(100).optional(),
  /** Of a fleet, the plan of this system alone: to be read, not to be declared. */
  only: systemId.optional(),
})

/** A runbook for systems that stay where they are: active at the daemon's own site. */
export const operationRequest = z.object({
  runbook: z.string().min(1).max(100),
  systems: z.array(systemId).min(1),
  /** Values for the inputs that the runbook declares. */
  inputs: anything.optional(),
})

/** A plan before anything is signed. `run` is the id that a declaration over this plan carries. */
export const draft = z.object({ run: runId, plan })

export const signed = z.object({
  /** The statement's canonical JSON: exactly the bytes that were signed. */
  statement: z.string().min(2).max(100_000),
  /** An armored SSH signature (SSHSIG). */
  signature: z.string().min(20).max(20_000),
})

/** The declaration's statement names run, plan digest, sites, systems and reason (approval/statement.ts). */
const declared = { run: runId, declaration: signed }
export const failoverDeclaration = failoverRequest.omit({ only: true }).extend(declared)
export const operationDeclaration = operationRequest.extend(declared)

/** Why a person pauses, resumes, cancels: on record with their name. */
export const why = z.object({ reason: words })
export const skip = z.object({ node: z.string().max(300), reason: words })
export const decision = z.object({
  /** null: the question of the run as a whole. */
  node: z.string().nullable(),
  /** Look and try again; vouch that it holds; give the node up. */
  decision: z.enum(['retry', 'holds', 'fail', 'replan']),
  reason: words,
})

export const runSummary = z.object({
  id: runId,
  mode: z.string(),
  /** null where nothing moves. */
  fromSite: z.string().nullable(),
  toSite: z.string(),
  state: runState,
  requester: z.string(),
  reason: z.string(),
  systems: z.array(z.string()),
  planDigest: z.string(),
  createdAt: instant,
  endedAt: instant.nullable(),
  nodesDone: z.int(),
  nodes: z.int(),
  /** The run of the fleet that it is a part of. */
  parent: runId.nullable(),
})

export const nodeView = z.object({
  id: z.string(),
  system: z.string().nullable(),
  title: localized,
  type: z.string(),
  wave: z.int(),
  needs: z.array(z.string()),
  state: nodeState,
  waitReason: z.enum(['needs', 'lock', 'approval', 'capacity', 'retry']).nullable(),
  /** What it waits for, in words: `needs GPK/fence`, `1 of 2 approvals`. Empty when it does not wait. */
  waitsFor: z.array(text),
  attempt: z.int(),
  startedAt: instant.nullable(),
  endedAt: instant.nullable(),
  /** What the last attempt said. */
  message: text.nullable(),
  /** What a person is asked, with both facts; `haetae run decide` answers. */
  question: z.object({ reason: z.string(), text, facts: anything, choices: z.array(z.string()) }).nullable(),
  /** Who left it out, and why; absent from older daemons. */
  skipped: z.object({ by: z.string(), reason: z.string() }).nullable().optional(),
})

/** The times of one system, each null until it was reached. */
export const systemTimes = z.object({
  system: z.string(),
  wave: z.int(),
  rtoTargetMs: z.number().nullable(),
  detected: instant.nullable(),
  declared: instant.nullable(),
  approved: instant.nullable(),
  fenced: instant.nullable(),
  promoted: instant.nullable(),
  up: instant.nullable(),
  verified: instant.nullable(),
  open: instant.nullable(),
})

export const statementView = z.object({
  purpose: z.enum(purposeNames),
  gate: z.string().nullable(),
  principal: z.string(),
  decision: z.enum(['yes', 'no']),
  reason: z.string(),
  sources: z.array(z.string()),
  planDigest: z.string(),
  receivedAt: instant,
  expiresAt: instant,
  /** Why it does not count now; null while it does. */
  ignored: localized.nullable(),
  /** Exactly what was signed, and the signature: for `ssh-keygen -Y verify`. */
  signed,
  /** Namespace of the signature. */
  namespace: z.string(),
  /** Fingerprint of the key that signed, and its line for an allowed_signers file: to be compared with your own. */
  key: z.string(),
  allowedSigner: z.string(),
  /** How a key on a hardware token was used; null of another key. */
  hardware: z.object({ userPresent: z.boolean(), userVerified: z.boolean(), counter: z.int() }).nullable(),
  /** The rules that were in force at its receipt, and the digest of the policy that they are of. */
  rules: z.array(z.string()).nullable(),
  policy: z.string().nullable(),
})

const given = z.object({ principal: z.string(), reason: z.string(), receivedAt: instant, expiresAt: instant })

export const gateView = z.object({
  gate: z.string(),
  purpose: z.enum(purposeNames).exclude(['declare']),
  state: z.enum(['waiting', 'passed', 'refused']),
  /** Distinct people that it takes: the plan's number, or the policy's when that is greater. */
  quorum: z.int(),
  given: z.array(given),
  /** Who broke the glass of this gate: it takes fewer people, and a review by two others. */
  brokenBy: z.array(given),
  refusedBy: z.array(z.string()),
  /** Signed and not counted, with why. */
  ignored: z.array(z.object({ principal: z.string(), why: localized })),
  /** Roles that may sign, the requester excepted. */
  roles: z.array(z.string()),
  /** Which keys count. */
  keys: z.enum(['any', 'hardware', 'verified']),
  /** Ids of the policy's rules that say so, and the digest of the policy. */
  rules: z.array(z.string()),
  policy: z.string(),
})

/** What a person asked of the run, and since when it holds. */
const saidOfRun = z.object({ by: z.string(), reason: z.string(), at: instant })

/** The run of one system of a fleet, as its fleet shows it. */
export const childRun = runSummary.pick({
  id: true,
  systems: true,
  state: true,
  nodesDone: true,
  nodes: true,
  createdAt: true,
  endedAt: true,
})

export const runDetail = runSummary.extend({
  /** The moment that this view is of, by the daemon's clock. */
  asOf: instant,
  /** When a person is asked about it, if it has not ended. */
  deadline: instant,
  paused: saidOfRun.nullable(),
  /** Of a part of a fleet: the pause of the fleet, which holds it too. */
  pausedWithFleet: saidOfRun.nullable(),
  canceling: saidOfRun.nullable(),
  rollingBack: saidOfRun.nullable(),
  /** What a roll back left as it is, and why. */
  left: z.array(z.object({ node: z.string(), why: text })),
  graph: z.array(nodeView),
  /** Of a fleet: the runs of its systems that were created. */
  children: z.array(childRun),
  times: z.array(systemTimes),
  gates: z.array(gateView),
  /** A question about the run as a whole. */
  question: nodeView.shape.question,
  /** Findings about the run that are open, such as a broken glass that nobody has reviewed. */
  findings: z.array(openFinding),
  /** Fences that rest on people's word and stay open. */
  fenceDebts: z.array(z.object({ system: z.string(), since: instant, by: z.array(z.string()) })),
})

/** One entry of a run's journal. `seq` grows by the run, without meaning in its gaps. */
export const journalEntry = z.object({
  seq: z.int(),
  at: instant,
  kind: z.string(),
  node: z.string().nullable(),
  state: z.string().nullable(),
  attempt: z.int().nullable(),
  message: text.nullable(),
  data: anything,
})

export type Decision = z.infer<typeof decision>
export type FailoverRequest = z.infer<typeof failoverRequest>
export type Draft = z.infer<typeof draft>
export type Signed = z.infer<typeof signed>
export type OperationRequest = z.infer<typeof operationRequest>
export type RunSummary = z.infer<typeof runSummary>
export type RunDrift = z.infer<typeof runDrift>
export type RunDetail = z.infer<typeof runDetail>
export type NodeView = z.infer<typeof nodeView>
export type SystemTimes = z.infer<typeof systemTimes>
export type StatementView = z.infer<typeof statementView>
export type GateView = z.infer<typeof gateView>
export type JournalEntry = z.infer<typeof journalEntry>
