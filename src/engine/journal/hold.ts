import { terminalRunStates } from '#model/states.ts'
import type { Holder, RunRow, Term } from './journal.ts'

/**
 * Whether `asking` may take a run now. A hold of the same daemon is over by itself: a data folder has one live
 * process (platform/hold.ts), so an earlier incarnation is dead, or is this very process that let the run go.
 */
export function mayTake(held: Holder | null, expired: boolean, asking: string): boolean {
  return held === null || expired || held.daemon === asking
}

/** Whether a term still is the run's: what every append is refused without. */
export function holds(row: Pick<RunRow, 'term' | 'holder' | 'state'>, term: Term): boolean {
  return row.term === term.term && row.holder !== null && !terminalRunStates.has(row.state)
}

/** A real failover waits for no drill: it takes the drill's systems at once. */
export function preempts(mode: string, held: string): boolean {
  return mode === 'failover' && held === 'drill'
}
