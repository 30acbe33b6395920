import type { Acknowledged, Away, Back, RecordLine } from '../citizens/record.ts'
import type { CitizensView } from './report.ts'

/** Ids that the database which serves a system now holds, or why it could not be asked. */
export type StoredIds = ReadonlySet<string> | { why: string }

/**
 * What citizens saw of one system: how much was acknowledged, what of it is gone, and when service was away since
 * `lossAt` (milliseconds). A transaction counts as lost when it was acknowledged and its id is not stored.
 */
export function viewOf(
  lines: readonly RecordLine[],
  system: string,
  stored: StoredIds,
  lossAt: number,
): CitizensView {
  const acknowledged = lines.filter(
    (line): line is Acknowledged => line.kind === 'acknowledged' && line.system === system,
  )
  const away = periods(lines, system).filter(({ until }) => until === null || until > lossAt)
  const known = 'why' in stored ? undefined : stored
  return {
    acknowledged: acknowledged.length,
    lost: acknowledged
      .filter(({ id }) => known !== undefined && !known.has(id))
      .map(({ id, acknowledgedAt, address }) => ({ id, acknowledgedAt: iso(acknowledgedAt), address })),
    lookedUp: 'why' in stored ? stored.why : true,
    away: away.map(({ since, until, failures, why }) => ({
      since: iso(since),
      until: until === null ? null : iso(until),
      failures,
      why,
    })),
    awayMs: away.some(({ until }) => until === null)
      ? null
      : away.reduce((sum, { since, until }) => sum + (until ?? since) - since, 0),
  }
}

interface Period {
  since: number
  until: number | null
  failures: number
  why: string
}

function periods(lines: readonly RecordLine[], system: string): Period[] {
  const found: Period[] = []
  for (const line of lines) {
    if (line.kind === 'away' && line.system === system) found.push(opened(line))
    if (line.kind === 'back' && line.system === system) close(found, line)
  }
  return found
}

function opened({ since, why }: Away): Period {
  return { since, until: null, failures: 1, why }
}

function close(found: Period[], { since, until, failures }: Back): void {
  const open = found.findLast((period) => period.since === since)
  if (open !== undefined) Object.assign(open, { until, failures })
}

function iso(ms: number): string {
  return new Date(ms).toISOString()
}
