import { z } from 'zod'
import { instant, numberedPage, siteId, systemId, text } from './common.ts'

const outcome = z.enum(['running', 'succeeded', 'partial', 'failed', 'missed', 'canceled'])

/** A copy: at a site, of a moment, with a digest. */
export const copyView = z.object({
  id: z.string(),
  system: z.string(),
  tool: z.string(),
  /** Where the copy lies. */
  site: z.string(),
  /** Where it was taken from. */
  sourceSite: z.string(),
  /** The moment to which it restores, and the position there. */
  recoveryPoint: instant.nullable(),
  position: z.string().nullable(),
  bytes: z.number().nullable(),
  digest: z.string().nullable(),
  verifiedAt: instant.nullable(),
  restoredAt: instant.nullable(),
})

/** One line of the backup log. */
export const backupLogEntry = z.object({
  id: z.string(),
  system: z.string(),
  tool: z.string(),
  /** The due slot; null for one asked by hand. */
  dueAt: instant.nullable(),
  startedAt: instant.nullable(),
  endedAt: instant.nullable(),
  outcome,
  sourceSite: z.string(),
  targetSite: z.string(),
  recoveryPoint: instant.nullable(),
  bytes: z.number().nullable(),
  digest: z.string().nullable(),
  verified: z.boolean(),
  /** Who or what asked. */
  askedBy: z.string(),
  message: text.nullable(),
})

export const backupQuery = numberedPage.extend({ system: systemId.optional(), site: siteId.optional() })
export const backupLogQuery = backupQuery.extend({
  outcome: outcome.optional(),
  /** Started (or due) at or after; before. */
  from: instant.optional(),
  to: instant.optional(),
})

export const findingView = z.object({
  id: z.string(),
  rule: z.string(),
  subject: z.string(),
  severity: z.string(),
  state: z.enum(['open', 'accepted', 'closed']),
  message: text,
  since: instant,
  until: instant.nullable(),
})

export type CopyView = z.infer<typeof copyView>
export type BackupLogEntry = z.infer<typeof backupLogEntry>
export type BackupQuery = z.infer<typeof backupQuery>
export type BackupLogQuery = z.infer<typeof backupLogQuery>
export type FindingView = z.infer<typeof findingView>
