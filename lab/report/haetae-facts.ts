import type { Localized } from '#model/localized.ts'
import type { Times } from './report.ts'

/*
 * What the report takes from Haetae's API, as JSON. Only the fields that it uses: the API may say more.
 */

export interface RunFacts {
  id: string
  state: string
  toSite: string
  requester: string
  reason: string
  planDigest: string
  createdAt: string
  endedAt: string | null
  times: ({ system: string; wave: number } & Times)[]
  fenceDebts: { system: string; since: string; by: string[] }[]
  graph: { id: string; skipped?: { by: string; reason: string } | null | undefined }[]
  gates: { gate: string; brokenBy: { principal: string; reason: string }[] }[]
}

export interface PlanFacts {
  systems: {
    system: string
    wave: number
    why: (Localized | string)[]
    rtoTargetMs: number
    rpoTargetMs: number | null
  }[]
  notes: (Localized | string)[]
}

export interface StatementFacts {
  purpose: string
  principal: string
  receivedAt: string
  sources: string[]
}

export interface SystemFacts {
  id: string
  name: Localized
  grade: string
  activeSite: string | null
  health: string
}

export interface BackupFacts {
  system: string
  outcome: string
  verified: boolean
}

export interface JournalFacts {
  at: string
  node: string | null
  data: Record<string, unknown>
}

/** Everything that Haetae says about a drill. */
export interface HaetaeFacts {
  run: RunFacts
  plan: PlanFacts
  statements: StatementFacts[]
  systems: SystemFacts[]
  backups: BackupFacts[]
  journal: JournalFacts[]
  /** Newest heartbeat of the source that the recovery site's Prometheus saw, by system; milliseconds of the source's clock. */
  sourceHeartbeats: Record<string, number>
}

/** A text of the API in both languages, whichever it has. */
export function localized(text: Localized | string): Localized {
  return typeof text === 'string' ? { ko: text, en: text } : text
}
