import type { Localized } from '#model/localized.ts'
import type { Instant } from '#model/time.ts'
import type { Queryable } from '#platform/postgres/transaction.ts'

export type ToolName = 'pg-basebackup' | 'wal-stream'
export type Outcome = 'running' | 'succeeded' | 'partial' | 'failed' | 'missed' | 'canceled'

/** A database at another site that this site copies. */
export interface Source {
  system: string
  /** Where it is primary now. */
  site: string
  host: string
  port: number
  database: string
}

/** What a finished copy is. */
export interface CopyFacts {
  folder: string
  bytes: number
  digest: string
  /** The moment to which it restores at least, on the source's clock. */
  recoveryPoint: Instant
  /** The position (LSN) at which it is consistent. */
  position: string
  verified: boolean
  /** What was left out; empty for a whole copy. */
  excluded: string[]
}

export interface Attempt {
  id: string
  slotId: string | null
  system: string
  tool: ToolName
  dueAt: Instant | null
  askedBy: string
  sourceSite: string
  targetSite: string
  outcome: Outcome
  startedAt: Instant | null
  endedAt: Instant | null
  bytes: number | null
  digest: string | null
  recoveryPoint: Instant | null
  position: string | null
  verified: boolean
  message: Localized | null
}

export interface Copy {
  id: string
  system: string
  tool: ToolName
  site: string
  sourceSite: string
  folder: string
  recoveryPoint: Instant | null
  position: string | null
  bytes: number | null
  digest: string | null
  verifiedAt: Instant | null
  restoredAt: Instant | null
}

/** One transition of an attempt, for the ledger. */
export interface BackupEvent {
  kind:
    | 'backup.running'
    | 'backup.succeeded'
    | 'backup.partial'
    | 'backup.failed'
    | 'backup.missed'
    | 'backup.canceled'
  system: string
  at: Instant
  actor: string
  detail: Record<string, unknown>
}

/** Port onto the ledger: appends in the caller's transaction. */
export type RecordBackup = (client: Queryable, event: BackupEvent) => Promise<void>
