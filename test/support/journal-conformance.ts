import { appendTests } from './journal/appends.ts'
import { fleetTests } from './journal/fleets.ts'
import { lifeTests } from './journal/life.ts'
import { lockTests } from './journal/locks.ts'
import type { Open } from './journal/runs.ts'
import { takeOverTests } from './journal/take-over.ts'
import { termTests } from './journal/terms.ts'

/**
 * What every journal must do. `open` gives an empty one; `pass` lets that much time pass on its clock.
 * Run on memory and on PostgreSQL: the simulation is worth what this holds equal.
 */
export function journalConformance(open: Open, pass: (ms: number) => Promise<void>): void {
  lifeTests(open)
  appendTests(open)
  termTests(open, pass)
  lockTests(open)
  takeOverTests(open)
  fleetTests(open)
}
