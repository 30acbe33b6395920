import type { Term } from '../journal/journal.ts'

/**
 * What this process may still believe about its term, on its own monotonic clock. It is counted from before the
 * request that renewed it was sent, so it ends here before it ends in the journal.
 */
export class Lease {
  readonly term: Term
  readonly #monotonic: () => number
  #until: number

  constructor(term: Term, monotonic: () => number, until: number) {
    this.term = term
    this.#monotonic = monotonic
    this.#until = until
  }

  renewed(until: number): void {
    this.#until = Math.max(this.#until, until)
  }

  get held(): boolean {
    return this.#monotonic() < this.#until
  }
}
