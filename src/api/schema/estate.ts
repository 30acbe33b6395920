import { z } from 'zod'
import { instant, localized, openFinding, siteId, systemId, text } from './common.ts'

const health = z.enum(['up', 'degraded', 'down', 'unknown'])
const grade = z.enum(['T0', 'G1', 'G2', 'G3', 'G4'])

/** A system as a line of a table. */
export const systemSummary = z.object({
  id: systemId,
  name: localized,
  grade,
  owner: z.string(),
  /** `each`: every site has its own. */
  home: z.union([siteId, z.literal('each')]),
  recovery: siteId.nullable(),
  /** Where it is primary now, as far as this site knows; null when nobody knows. */
  activeSite: siteId.nullable(),
  epoch: z.int().nullable(),
  health,
  reasons: z.array(text),
  /** When its health was last looked at; null: never. */
  lookedAt: instant.nullable(),
  /** Registered only systems have no components and cannot be moved. */
  movable: z.boolean(),
  /** The run that holds its lock, when one does. */
  heldBy: z.string().nullable(),
  /** What people still owe about it, such as the review of a broken glass. */
  findings: z.array(openFinding),
})

/** A neighbour in the dependency graph; `note` says what a reader would otherwise miss (left out, cannot move). */
const neighbour = z.object({
  id: systemId,
  kind: z.enum(['hard', 'soft']),
  health: health.nullable(),
  note: text.nullable(),
})

export const systemDetail = systemSummary.extend({
  dependsOn: z.array(neighbour),
  neededBy: z.array(neighbour),
  targets: z.object({ rtoMs: z.number(), rpoMs: z.number() }).nullable(),
  database: z
    .object({
      name: z.string(),
      replication: z.enum(['synchronous', 'asynchronous']),
      endpoints: z.record(z.string(), z.string()),
    })
    .nullable(),
  workloads: z.array(z.object({ deployment: z.string(), replicas: z.int() })),
  traffic: z
    .object({ name: z.string(), port: z.int(), addresses: z.record(z.string(), z.string()) })
    .nullable(),
  runbook: z.string().nullable(),
  /** What is special: a recovery site given by the lab, prerequisites left out. */
  notes: z.array(text),
})

export const siteView = z.object({
  id: siteId,
  name: localized,
  /** This daemon's own site, or a peer's. */
  self: z.boolean(),
  state: z.enum(['up', 'degraded', 'isolated', 'suspected-lost', 'lost', 'unknown']),
  reasons: z.array(text),
  /** What was seen from where. */
  vantagePoints: z.array(
    z.object({ from: z.string(), sees: z.string(), at: instant.nullable(), detail: text.nullable() }),
  ),
  since: instant.nullable(),
  systemsActive: z.int(),
  /** What people still owe about it, such as the review of a broken glass. */
  findings: z.array(openFinding),
})

export const runbookSummary = z.object({
  name: z.string(),
  title: localized,
  digest: z.string(),
  modes: z.array(z.string()),
  steps: z.int(),
})

/** One step as `runbook show` draws it. */
export const stepView = z.object({
  id: z.string(),
  title: localized,
  type: z.string(),
  needs: z.array(z.string()),
  effect: z.string().nullable(),
  gate: z.object({ purpose: z.string(), quorum: z.int() }).nullable(),
  /** What it is repeated for, as the runbook says it. */
  foreach: z.string().optional(),
  /** The runbook that it calls. */
  calls: z.string().optional(),
  /** It runs when all others have ended, whatever became of them. */
  finally: z.literal(true).optional(),
})
/** What a person gives when the plan is made. */
export const runbookInput = z.object({
  name: z.string(),
  type: z.enum(['string', 'int', 'number', 'bool', 'list']),
  title: localized,
  /** null: it must be given. */
  default: z.unknown(),
})
export const runbookDetail = runbookSummary.extend({
  inputs: z.array(runbookInput),
  graph: z.array(stepView),
})

export type SystemSummary = z.infer<typeof systemSummary>
export type SystemDetail = z.infer<typeof systemDetail>
export type SiteView = z.infer<typeof siteView>
export type RunbookSummary = z.infer<typeof runbookSummary>
export type RunbookDetail = z.infer<typeof runbookDetail>
export type RunbookInput = z.infer<typeof runbookInput>
export type StepView = z.infer<typeof stepView>
