import { z } from 'zod'
import { gateView } from './approval.ts'
import { anything, instant, localized, openFinding, runId, text } from './common.ts'

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

export type RunSummary = z.infer<typeof runSummary>
export type RunDetail = z.infer<typeof runDetail>
export type NodeView = z.infer<typeof nodeView>
export type SystemTimes = z.infer<typeof systemTimes>
export type JournalEntry = z.infer<typeof journalEntry>
