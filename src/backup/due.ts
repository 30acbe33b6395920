import type { Localized } from '#model/localized.ts'
import type { Clock } from '#model/time.ts'
import { dueTimes } from '#schedule/due.ts'
import type { Slots } from '#schedule/slots.ts'
import type { Source } from './backup.ts'
import type { BackupLog } from './log.ts'
import { policiesFor, type BackupPolicy } from './policy.ts'

export interface DueParts {
  clock: Clock
  slots: Slots
  log: BackupLog
  site: string
  policies: readonly BackupPolicy[]
  gradeOf(system: string): string
}

/** The policy of the copy that is taken because there is none yet. */
export const firstCopyPolicy = 'first-copy'
/** After a first copy failed for good, this long until the next try. */
const firstCopyAgainMs = 60_000

const missedMessage: Localized = {
  ko: '예정 시각에 이 센터의 데몬이 동작하지 않았습니다',
  en: 'nothing ran at this site at the due time',
}

/** Makes slots of what is due for every database at another site. Safe to repeat and to interrupt. */
export async function makeDue(parts: DueParts, sources: readonly Source[]): Promise<void> {
  for (const source of sources) {
    const [newest] = await parts.log.copies({
      system: source.system,
      site: parts.site,
      tool: 'pg-basebackup',
      limit: 1,
    })
    // A copy of what another site wrote before a failover proves nothing about this source.
    const proven = newest?.sourceSite === source.site && newest.verifiedAt !== null ? newest : undefined
    if (proven === undefined) await firstCopy(parts, source)
    else await byPolicy(parts, source, Date.parse(proven.verifiedAt ?? ''))
  }
}

async function firstCopy({ clock, slots, site }: DueParts, source: Source): Promise<void> {
  if (await slots.isOpen(source.system)) return
  const last = await slots.newest(firstCopyPolicy, source.system)
  const now = clock.now()
  if (last !== undefined && now - last < firstCopyAgainMs) return
  await slots.add({
    policy: firstCopyPolicy,
    subject: source.system,
    dueAt: now,
    askedBy: `daemon of ${site}`,
  })
}

async function byPolicy(parts: DueParts, source: Source, provenAt: number): Promise<void> {
  const { clock, slots, log, site } = parts
  const system = { id: source.system, grade: parts.gradeOf(source.system) }
  for (const policy of policiesFor(parts.policies, system)) {
    const last = await slots.newest(policy.id, source.system)
    // A copy that is newer than the last slot makes the times before it pointless.
    const after = Math.max(last ?? 0, provenAt)
    const { missed, due } = dueTimes(policy.id, source.system, policy.everyMs, after, clock.now())
    const askedBy = `policy ${policy.id}`
    for (const dueAt of missed) {
      const slot = await slots.add({
        policy: policy.id,
        subject: source.system,
        dueAt,
        askedBy,
        state: 'missed',
      })
      if (slot === undefined) continue
      const attempt = { slotId: slot.id, system: source.system, tool: policy.tool, dueAt, askedBy }
      await log.missed({ ...attempt, sourceSite: source.site, targetSite: site }, clock.now(), missedMessage)
    }
    if (due !== undefined) await slots.add({ policy: policy.id, subject: source.system, dueAt: due, askedBy })
  }
}
