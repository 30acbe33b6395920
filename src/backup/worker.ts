import { join } from 'node:path'
import { messageOf } from '#model/errors.ts'
import { instant, type Clock } from '#model/time.ts'
import type { Claimant, Slot, Slots } from '#schedule/slots.ts'
import type { CopyFacts, Source } from './backup.ts'
import type { BackupLog } from './log.ts'
import { takeBaseBackup, type BaseBackupOptions } from './tools/pg-basebackup.ts'
import type { ReplicationAccess } from './tools/source.ts'

export interface WorkerParts {
  clock: Clock
  slots: Slots
  log: BackupLog
  /** This site: where the copies come to lie. */
  site: string
  folder: string
  access: ReplicationAccess
  by: Claimant
  /** The database to copy for a system; undefined when it is not at another site (any more). */
  sourceOf(system: string): Source | undefined
  attemptsAtMost: number
  /** Pause before attempt n+1: base × 2^(n-1). */
  retryBaseMs: number
  /** Ids of the slots that this process works on now; kept by `workOnSlot`. */
  atWork: Set<string>
  /** For tests; `takeBaseBackup` otherwise. */
  take?: (options: BaseBackupOptions) => Promise<CopyFacts>
}

const leaseMs = 60_000

export type Worked = 'not-claimed' | 'succeeded' | 'partial' | 'failed' | 'again' | 'canceled'

/**
 * Works on one slot: claims it first, and does nothing when it is not to be had. A failure gives the slot back until
 * its attempts are used up; every attempt stays in the log. Throws only what PostgreSQL said.
 */
export async function workOnSlot(parts: WorkerParts, slotId: string, signal: AbortSignal): Promise<Worked> {
  const { clock, slots, by, atWork } = parts
  // Delivered twice: the other delivery works on it.
  if (atWork.has(slotId)) return 'not-claimed'
  atWork.add(slotId)
  try {
    const slot = await slots.claim(slotId, by, clock.now(), leaseMs)
    return slot === undefined ? 'not-claimed' : await workOn(parts, slot, signal)
  } finally {
    atWork.delete(slotId)
  }
}

async function workOn(parts: WorkerParts, slot: Slot, signal: AbortSignal): Promise<Worked> {
  const { clock, slots, by } = parts
  const source = parts.sourceOf(slot.subject)
  if (source === undefined) return notAtAnotherSite(parts, slot)
  const attempt = await parts.log.begin(
    {
      slotId: slot.id,
      system: slot.subject,
      tool: 'pg-basebackup',
      dueAt: slot.dueAt,
      askedBy: slot.askedBy,
      sourceSite: source.site,
      targetSite: parts.site,
    },
    clock.now(),
  )
  const lost = new AbortController()
  const beat = setInterval(() => void renew(parts, slot, lost), leaseMs / 3)
  try {
    const copy = await (parts.take ?? takeBaseBackup)({
      source,
      access: parts.access,
      folder: folderFor(parts, slot, clock.now()),
      signal: AbortSignal.any([signal, lost.signal]),
    })
    const outcome = copy.excluded.length === 0 ? 'succeeded' : 'partial'
    const at = clock.now()
    await parts.log.end(attempt.id, { outcome, at, copy }, async (tx) => {
      if (!(await slots.finish(tx, slot.id, by, outcome, at, null))) throw new Error('the claim was lost')
    })
    return outcome
  } catch (error) {
    return await failed(parts, slot, attempt.id, error, signal.aborted)
  } finally {
    clearInterval(beat)
  }
}

async function renew(parts: WorkerParts, slot: Slot, lost: AbortController): Promise<void> {
  // PostgreSQL away is no lost claim: the lease still runs, and the end of the work asks again.
  const ours = await parts.slots.renew(slot.id, parts.by, parts.clock.now(), leaseMs).catch(() => true)
  if (!ours) lost.abort(new Error('the claim was lost'))
}

function folderFor(parts: WorkerParts, slot: Slot, now: number): string {
  const moment = instant(now).replaceAll(/[-:]/g, '').replace('.', '-')
  return join(parts.folder, slot.subject, 'base', `${moment}-slot${slot.id}-try${slot.attempts}`)
}

async function failed(
  parts: WorkerParts,
  slot: Slot,
  attemptId: string,
  error: unknown,
  stopping: boolean,
): Promise<Worked> {
  const { clock, slots, by } = parts
  const why = messageOf(error)
  const at = clock.now()
  const last = slot.attempts >= parts.attemptsAtMost
  const outcome = stopping ? 'canceled' : 'failed'
  const message = stopping
    ? { ko: '데몬이 정지하여 중단되었습니다', en: 'the daemon was stopped' }
    : { ko: `백업 도구가 실패했습니다: ${why}`, en: why }
  await parts.log.end(attemptId, { outcome, at, message }, async (tx) => {
    if (last && !stopping) await slots.finish(tx, slot.id, by, 'failed', at, why)
    else await slots.giveBack(tx, slot.id, by, at + pauseAfter(parts, slot.attempts, stopping), why)
  })
  if (stopping) return 'canceled'
  return last ? 'failed' : 'again'
}

function pauseAfter(parts: WorkerParts, attempts: number, stopping: boolean): number {
  return stopping ? 0 : Math.min(parts.retryBaseMs * 2 ** (attempts - 1), 300_000)
}

/** The system moved since the slot was made: nothing to pull across the link, and that is written down. */
async function notAtAnotherSite(parts: WorkerParts, slot: Slot): Promise<Worked> {
  const { clock, slots, by, log } = parts
  const message = {
    ko: '이 센터에서 운영 중이거나 알 수 없어 다른 센터에서 가져올 것이 없습니다',
    en: 'the system is not active at another site, so there is nothing to pull from',
  }
  const attempt = await log.begin(
    {
      slotId: slot.id,
      system: slot.subject,
      tool: 'pg-basebackup',
      dueAt: slot.dueAt,
      askedBy: slot.askedBy,
      sourceSite: parts.site,
      targetSite: parts.site,
    },
    clock.now(),
  )
  await log.end(attempt.id, { outcome: 'canceled', at: clock.now(), message }, async (tx) => {
    await slots.finish(tx, slot.id, by, 'canceled', clock.now(), message.en)
  })
  return 'canceled'
}
