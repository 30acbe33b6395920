import { setTimeout as sleep } from 'node:timers/promises'
import { HaetaeError, isHaetaeError, messageOf } from '#model/errors.ts'

/** What a look found: done, or why not yet (for people). */
export type Look<T> = { done: T } | { notYet: string }

export interface WaitOptions {
  /** What is waited for, for the error. */
  what: string
  withinMs: number
  everyMs?: number
  signal: AbortSignal
  /** Told after each look that was not the last. */
  notYet?: (why: string) => void
}

/**
 * Looks again and again until it is done. A daemon that does not answer, or whose PostgreSQL is away, is a reason to look again.
 * Throws `drill-stuck` with the last reason when it takes too long, and what the signal aborts with.
 */
export async function until<T>(look: () => Promise<Look<T>>, options: WaitOptions): Promise<T> {
  const deadline = Date.now() + options.withinMs
  for (;;) {
    options.signal.throwIfAborted()
    const found = await look().catch((error: unknown): Look<T> => {
      const passing =
        isHaetaeError(error, 'daemon-unreachable') || isHaetaeError(error, 'postgres-unavailable')
      if (passing) return { notYet: messageOf(error) }
      throw error
    })
    if ('done' in found) return found.done
    options.notYet?.(found.notYet)
    if (Date.now() > deadline) {
      throw new HaetaeError('drill-stuck', options.what, {
        why: `${found.notYet} (after ${options.withinMs / 1000} s)`,
      })
    }
    await sleep(options.everyMs ?? 500, undefined, { signal: options.signal })
  }
}
