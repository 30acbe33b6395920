import { isHaetaeError, messageOf } from '#model/errors.ts'
import type { Clock } from '#model/time.ts'
import type { Log } from '#platform/log.ts'
import { isServerGone } from '#platform/postgres/gone.ts'
import { Releasers } from './releasers.ts'

const startsAtMost = 5
const pauseMs = 500

/** What was started, and how it is given back. */
export interface Started<T> {
  parts: T
  releasers: Releasers
}

/**
 * Starts the parts of a process in order. What fails on the way is undone in reverse, and the error thrown. A PostgreSQL
 * that went away in the middle is no reason to end: everything is undone and started again, at most five times.
 */
export async function startAgain<T>(
  { clock, log }: { clock: Clock; log: Log },
  start: (releasers: Releasers) => Promise<T>,
): Promise<Started<T>> {
  for (let starts = 1; ; starts++) {
    const releasers = new Releasers(log)
    try {
      return { parts: await start(releasers), releasers }
    } catch (error) {
      await releasers.release()
      if (starts >= startsAtMost || !isPostgresGone(error)) throw error
      log.warn({ why: messageOf(error), starts }, 'PostgreSQL went away during the start; starting again')
    }
    await clock.sleep(pauseMs * starts)
  }
}

/** True when PostgreSQL went away under what was being done, and not when it cannot be started at all. */
function isPostgresGone(error: unknown): boolean {
  const unavailable = isHaetaeError(error, 'postgres-unavailable')
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (isServerGone(cause)) return true
    if (unavailable && 'code' in cause && cause.code === 'ENOENT') return true // its socket
  }
  return false
}
