import { z } from 'zod'

/** What each step type hands to the steps after it, and to the report. Instants are RFC 3339 UTC text. */

export const attestOutput = z.strictObject({
  kind: z.enum(['attested', 'active', 'power']),
  principals: z.array(z.string()),
  expiresAt: z.string().nullable(),
  debt: z.enum(['none', 'open', 'closed']),
})

export const acquireOutput = z.strictObject({ epoch: z.int().min(1), site: z.string() })

/** The recovery point: how far the standby is, and the newest heartbeat of the source that it has. */
export const statusOutput = z.strictObject({
  inRecovery: z.boolean(),
  receivedLsn: z.string().nullable(),
  replayedLsn: z.string().nullable(),
  /** By the source's own clock; null when there is no heartbeat. */
  lastHeartbeatAt: z.string().nullable(),
})

export const promoteOutput = z.strictObject({
  timeline: z.int(),
  /** Last position replayed before it became primary. */
  promotedLsn: z.string().nullable(),
  lastHeartbeatAt: z.string().nullable(),
})

export const stopOutput = z.strictObject({ deployment: z.string(), replicas: z.literal(0) })

export const replayOutput = z.strictObject({ lsn: z.string() })

export const pauseOutput = z.strictObject({
  /** By the database's own clock. */
  since: z.string(),
  until: z.string(),
  /** No writer wrote after it; a standby that has replayed it lacks nothing. */
  lsn: z.string(),
})

/** The pause that ended last, by the database's own clock; null when there never was one. */
export const resumeOutput = z.strictObject({ since: z.string().nullable(), until: z.string().nullable() })

/** What the statement gave (`RETURNING`, or a query), as JSON; nothing when it was found to be done by somebody else. */
export const sqlOutput = z.strictObject({ rows: z.array(z.record(z.string(), z.unknown())) })

export const scaleOutput = z.strictObject({
  workloads: z.array(z.strictObject({ deployment: z.string(), replicas: z.int() })),
})

export const waitOutput = z.strictObject({
  workloads: z.array(z.strictObject({ deployment: z.string(), replicas: z.int(), ready: z.int() })),
})

export const checkOutput = z.strictObject({
  /** Id of the transaction that was stored and read back. */
  transaction: z.string(),
})

export const switchOutput = z.strictObject({ name: z.string(), address: z.string(), epoch: z.int() })

export const balanceOutput = z.strictObject({ backend: z.string(), server: z.string() })

export type AttestOutput = z.infer<typeof attestOutput>
export type AcquireOutput = z.infer<typeof acquireOutput>
export type StatusOutput = z.infer<typeof statusOutput>
export type PromoteOutput = z.infer<typeof promoteOutput>
export type ReplayOutput = z.infer<typeof replayOutput>
/** What the service answered with. */
export const getOutput = z.strictObject({ status: z.int() })

export type PauseOutput = z.infer<typeof pauseOutput>
export type ResumeOutput = z.infer<typeof resumeOutput>
export type StopOutput = z.infer<typeof stopOutput>
export type SqlOutput = z.infer<typeof sqlOutput>
export type ScaleOutput = z.infer<typeof scaleOutput>
export type WaitOutput = z.infer<typeof waitOutput>
export type CheckOutput = z.infer<typeof checkOutput>
export type BalanceOutput = z.infer<typeof balanceOutput>
export type GetOutput = z.infer<typeof getOutput>
export type SwitchOutput = z.infer<typeof switchOutput>
