import type { Localized } from '#model/localized.ts'

/** The report of a drill in the lab: what Haetae says beside what the citizens wrote down. All times are RFC 3339 UTC. */
export interface DrillReport {
  kind: 'haetae-lab-drill-report'
  version: 1
  madeAt: string
  instance: string
  /** What was done to the lab: the site whose power went, and when. */
  loss: { site: string; at: string }
  recoverySite: string
  siteNames: Record<string, Localized>
  run: {
    id: string
    state: string
    requester: string
    reason: string
    planDigest: string
    createdAt: string
    endedAt: string | null
  }
  /** Who signed what. `byTheLab`: the drill signed with the lab's keys, no person decided. */
  statements: { purpose: string; principal: string; at: string; sources: string[] }[]
  byTheLab: boolean
  systems: SystemReport[]
  totals: {
    acknowledged: number
    lost: number
    /** From the loss until every system that citizens missed served them again; null while one does not. */
    allServingMs: number | null
  }
  /** Systems in the order in which they were moved, wave by wave. */
  waves: { wave: number; systems: string[] }[]
  fenceDebts: { system: string; since: string; by: string[] }[]
  /** By the backup logs of both sites before the loss. `streaming`: WAL that was being received. */
  backups: { succeeded: number; verified: number; streaming: number; failed: number; systems: number }
  /** Where people went another way than the plan. */
  departures: Localized[]
  notExercised: Localized[]
  notes: Localized[]
}

export interface SystemReport {
  id: string
  name: Localized
  grade: string
  /** `moved` by the run, `affected`: it needs one that was moved, or `untouched`: it needs none. */
  part: 'moved' | 'affected' | 'untouched'
  wave: number | null
  why: Localized[]
  /** No RPO for a system that keeps no data. */
  targets: { rtoMs: number; rpoMs: number | null } | null
  times: Times | null
  /** As Haetae measured it. */
  haetae: { rtoMs: number | null; rpo: MeasuredRpo | null }
  /** As the citizens saw it. */
  citizens: CitizensView
  rtoMet: boolean | null
  rpoMet: boolean | null
}

export interface Times {
  detected: string | null
  declared: string | null
  approved: string | null
  fenced: string | null
  promoted: string | null
  up: string | null
  verified: string | null
  open: string | null
}

export const momentNames = [
  'detected',
  'declared',
  'approved',
  'fenced',
  'promoted',
  'up',
  'verified',
  'open',
] as const satisfies (keyof Times)[]

/**
 * Difference of two times of the source's own clock: its newest heartbeat that was seen outside, and its newest one
 * in the promoted database. Heartbeats and scrapes come every second, so it is known to `errorMs`.
 */
export interface MeasuredRpo {
  ms: number
  errorMs: number
  sourceSeenAt: string
  promotedHasAt: string
}

export interface CitizensView {
  acknowledged: number
  /** Acknowledged, and not in the database that serves now. */
  lost: { id: string; acknowledgedAt: string; address: string }[]
  /** Whether the ids could be looked up at all; the reason when not. */
  lookedUp: true | string
  /** Periods without service since the loss. `until` is null for one that had not ended. */
  away: { since: string; until: string | null; failures: number; why: string }[]
  /** From the first refused transaction to the first acknowledged one after it; 0 without any, null while away. */
  awayMs: number | null
}
