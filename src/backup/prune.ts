import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '#model/time.ts'
import type { Copy, Source } from './backup.ts'
import type { BackupLog } from './log.ts'
import { folderOf } from './wal-streams.ts'

export interface PruneParts {
  clock: Clock
  log: BackupLog
  site: string
  folder: string
}

/**
 * Removes the base copies of a source beyond the newest `keep` proven ones, and the WAL that only they needed.
 * The newest proven copy is never touched, nor anything newer. Returns the copies that went.
 */
export async function pruneCopies(parts: PruneParts, source: Source, keep: number): Promise<Copy[]> {
  const all = await parts.log.copies({
    system: source.system,
    site: parts.site,
    tool: 'pg-basebackup',
    limit: 1_000,
  })
  const proven = all.filter((copy) => copy.sourceSite === source.site && copy.verifiedAt !== null)
  const old = proven.slice(Math.max(1, keep))
  for (const copy of old) {
    await parts.log.removed(copy.id, parts.clock.now())
    await rm(copy.folder, { recursive: true, force: true })
  }
  const oldest = proven.slice(0, Math.max(1, keep)).at(-1)
  if (oldest !== undefined)
    await pruneWal(folderOf(parts.folder, source), await firstSegmentOf(oldest.folder))
  return old
}

/** The oldest segment that a base copy carries: what is before it no kept copy needs. */
async function firstSegmentOf(copy: string): Promise<string | undefined> {
  const files = await readdir(join(copy, 'pg_wal')).catch(() => [])
  return files.filter(isSegment).toSorted()[0]
}

async function pruneWal(folder: string, first: string | undefined): Promise<void> {
  if (first === undefined) return
  const files = await readdir(folder).catch(() => [])
  // Whole segments of the same timeline only; history files and what is under way stay.
  const old = files.filter(
    (file) => isSegment(file) && file.slice(0, 8) === first.slice(0, 8) && file < first,
  )
  for (const file of old) await rm(join(folder, file), { force: true })
}

function isSegment(file: string): boolean {
  return /^[0-9A-F]{24}$/.test(file)
}
