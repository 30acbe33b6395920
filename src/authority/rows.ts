import { instant } from '#model/time.ts'
import type { Authority, Fence, PromotionClaim } from './types.ts'

export interface EpochRow {
  system: string
  epoch: number
  site: string
  run_id: string | null
  at: Date
}

export function authorityOf(row: EpochRow): Authority {
  return {
    system: row.system,
    epoch: row.epoch,
    site: row.site,
    runId: row.run_id,
    at: instant(row.at.getTime()),
  }
}

export interface FenceRow {
  run_id: string
  system: string
  kind: Fence['kind']
  site: string
  epoch: number | null
  proof: Record<string, unknown>
  expires_at: Date | null
  debt: Fence['debt']
  recorded_at: Date
}

export function fenceOf(row: FenceRow): Fence {
  return {
    runId: row.run_id,
    system: row.system,
    site: row.site,
    kind: row.kind,
    epoch: row.epoch,
    proof: row.proof,
    expiresAt: row.expires_at === null ? null : instant(row.expires_at.getTime()),
    debt: row.debt,
    recordedAt: instant(row.recorded_at.getTime()),
  }
}

export interface ClaimRow {
  run_id: string
  system: string
  epoch: number
  timeline: number
  lsn: string
  at: Date
}

export function claimOf(row: ClaimRow): PromotionClaim {
  return {
    runId: row.run_id,
    system: row.system,
    epoch: row.epoch,
    timeline: row.timeline,
    lsn: row.lsn,
    at: instant(row.at.getTime()),
  }
}
