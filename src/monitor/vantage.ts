import type { VantageKind, VantageSight } from './types.ts'

/** One look at a site from one vantage point, now. */
export interface Look {
  saw: VantageSight['saw']
  fault: boolean
  why: string
  /** How long the site had said nothing already when it was looked at; 0 when absent. */
  silentMs?: number
}

/** A vantage point onto one site. Wired by the daemon: the peer's client sits in a higher layer. */
export interface Vantage {
  readonly site: string
  readonly kind: VantageKind
  /** Pause between looks, milliseconds. */
  readonly everyMs: number
  /** Looks now. Never throws; ends within about a second. */
  look(signal: AbortSignal): Promise<Look>
}

/** Remembers per vantage point when the site last answered there. */
export class VantageMemory {
  readonly #answeredAt = new Map<Vantage, number>()
  readonly #last = new Map<Vantage, Look & { at: number }>()

  note(vantage: Vantage, look: Look, at: number): void {
    // Silence counts from the last answer, or from the first look when there never was one.
    if (look.saw === 'answer' || !this.#answeredAt.has(vantage)) {
      this.#answeredAt.set(vantage, at - (look.silentMs ?? 0))
    }
    this.#last.set(vantage, { ...look, at })
  }

  /** What every vantage point last saw; one that stopped looking long ago is unavailable. */
  sights(now: number): VantageSight[] {
    return [...this.#last].map(([vantage, look]) => {
      const stale = now - look.at > 10_000 + vantage.everyMs
      return {
        site: vantage.site,
        kind: vantage.kind,
        saw: stale ? 'unavailable' : look.saw,
        silentMs: look.saw === 'answer' ? 0 : now - (this.#answeredAt.get(vantage) ?? now),
        fault: look.fault,
        why: stale ? 'it was not looked at lately' : look.why,
        at: look.at,
      }
    })
  }
}
