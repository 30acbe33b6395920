import type { Clock } from '#model/time.ts'
import { orAborted } from '#platform/no-answer.ts'

/** However many ask, one look is made; it ends by itself, whoever lost interest in it. */
const lookWithinMs = 3_000

/**
 * Makes a look that many callers share: one that began less than `freshMs` ago is good enough for all of them.
 * Nine systems that prove the silence of one site at the same moment ask its standbys once, not nine times.
 */
export function sharedLook<T>(
  clock: Pick<Clock, 'now'>,
  freshMs: number,
  look: (signal: AbortSignal) => Promise<T>,
): (signal: AbortSignal) => Promise<T> {
  let began = Number.NEGATIVE_INFINITY
  let current: Promise<T> | undefined
  return (signal) => {
    const now = clock.now()
    // A clock that was set back must not keep an old look for ever.
    if (current === undefined || now - began >= freshMs || now < began) {
      began = now
      current = look(AbortSignal.timeout(lookWithinMs))
    }
    return orAborted(signal, current)
  }
}
