import { setTimeout as sleepFor } from 'node:timers/promises'
import type { Clock } from '#model/time.ts'

/** The machine's clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  sleep: (ms, signal) => sleepFor(Math.max(0, ms), undefined, signal === undefined ? {} : { signal }),
}
