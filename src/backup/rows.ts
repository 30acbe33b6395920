import type { Localized } from '#model/localized.ts'
import { instant } from '#model/time.ts'
import type { Attempt, Copy, Outcome, ToolName } from './backup.ts'

export interface AttemptRow {
  id: string
  slot_id: string | null
  system: string
  tool: ToolName
  due_at: Date | null
  asked_by: string
  source_site: string
  target_site: string
  outcome: Outcome
  started_at: Date | null
  ended_at: Date | null
  bytes: string | null
  digest: string | null
  recovery_point: Date | null
  position: string | null
  verified: boolean
  message: Localized | null
}

export interface CopyRow {
  id: string
  system: string
  tool: ToolName
  site: string
  source_site: string
  folder: string
  recovery_point: Date | null
  position: string | null
  bytes: string | null
  digest: string | null
  verified_at: Date | null
  restored_at: Date | null
}

const at = (value: Date | null): string | null => (value === null ? null : instant(value.getTime()))
const number = (value: string | null): number | null => (value === null ? null : Number(value))

export function attemptOf(row: AttemptRow): Attempt {
  return {
    id: row.id,
    slotId: row.slot_id,
    system: row.system,
    tool: row.tool,
    dueAt: at(row.due_at),
    askedBy: row.asked_by,
    sourceSite: row.source_site,
    targetSite: row.target_site,
    outcome: row.outcome,
    startedAt: at(row.started_at),
    endedAt: at(row.ended_at),
    bytes: number(row.bytes),
    digest: row.digest,
    recoveryPoint: at(row.recovery_point),
    position: row.position,
    verified: row.verified,
    message: row.message,
  }
}

export function copyOf(row: CopyRow): Copy {
  return {
    id: row.id,
    system: row.system,
    tool: row.tool,
    site: row.site,
    sourceSite: row.source_site,
    folder: row.folder,
    recoveryPoint: at(row.recovery_point),
    position: row.position,
    bytes: number(row.bytes),
    digest: row.digest,
    verifiedAt: at(row.verified_at),
    restoredAt: at(row.restored_at),
  }
}
