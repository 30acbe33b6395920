import type { Localized } from '#model/localized.ts'
import type { Instant } from '#model/time.ts'
import type { Queryable } from '#platform/postgres/transaction.ts'

export type Severity = 'info' | 'warning' | 'critical'
export type FindingState = 'open' | 'accepted' | 'closed'

/** A rule that a subject breaks now, as the room that looks at it says. */
export interface FindingSeen {
  rule: string
  subject: string
  severity: Severity
  message: Localized
  facts: Record<string, unknown>
  /** When it was first seen: kept, however often it is reported again. */
  since: Instant
}

export interface Finding extends FindingSeen {
  id: string
  state: FindingState
  acceptedUntil: Instant | null
  acceptedBy: string | null
  closedAt: Instant | null
}

/** What changed in the findings, for the ledger. */
export interface FindingEvent {
  kind: 'finding.opened' | 'finding.accepted' | 'finding.closed'
  rule: string
  subject: string
  at: Instant
  actor: string
  detail: Record<string, unknown>
}

/** Port onto the ledger: appends in the caller's transaction. Rooms of one layer do not import each other. */
export type RecordFinding = (client: Queryable, event: FindingEvent) => Promise<void>

export interface FindingFilter {
  rule?: string | undefined
  subject?: string | undefined
  states?: readonly FindingState[] | undefined
  limit?: number | undefined
  /** Only findings with a smaller id: the cursor of a page. */
  beforeId?: string | undefined
}
