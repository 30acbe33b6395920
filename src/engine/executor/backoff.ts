import type { NodeLimits } from '#plan/plan.ts'

/** No pause between two tries is longer, milliseconds. */
export const longestPauseMs = 30_000

/** Pause after the nth failure in a row, n from 1, milliseconds. */
export function backoff({ retryBaseMs }: Pick<NodeLimits, 'retryBaseMs'>, n: number): number {
  return Math.min(longestPauseMs, retryBaseMs * 2 ** Math.min(n - 1, 20))
}
