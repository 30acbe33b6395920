import type { Clock } from '#model/time.ts'
import type { Random } from './random.ts'
import type { SimProcess } from './process.ts'

/** One change that really happened. */
export interface Landed {
  key: string
  node: string
  by: SimProcess
  at: number
  epoch: number | null
  /** It took the thing away. */
  off?: boolean
  /** Landed after whoever asked for it had given up waiting, or was frozen meanwhile. */
  late: boolean
}

export interface Seen {
  version: number
  on?: boolean | undefined
  keys: string[]
}

export class Refused extends Error {}

/** What the target checks: a version, a key, or nothing. */
export type When = number | 'once for its key' | 'always'

/** What a fault does to a request. */
export type Fault = 'lost before' | 'lost after' | 'late' | 'hangs' | 'says no'

/**
 * The world outside: one thing for each node. It counts its versions, so that a request made from an older look is
 * refused, and remembers keys. `landed` is the external ledger that the asserts read.
 */
export class World {
  readonly landed: Landed[] = []
  readonly clock: Clock
  /** Requests that will land later. */
  onTheWay = 0
  /** Called at the moment a change happens. */
  onLanded: (change: Landed) => void = () => {}
  /** Called when a process begins an effect, before anything can come in between. */
  onAsked: (node: string, by: SimProcess) => void = () => {}
  readonly #things = new Map<string, Seen>()
  readonly #faults: Random | undefined
  #faultsLeft: number

  constructor(clock: Clock, faults?: Random, most = 12) {
    this.clock = clock
    this.#faults = faults
    this.#faultsLeft = most
  }

  fault(probability: number): Fault | undefined {
    if (this.#faults === undefined || this.#faultsLeft === 0 || !this.#faults.chance(probability))
      return undefined
    this.#faultsLeft -= 1
    return this.#faults.pick(['lost before', 'lost after', 'late', 'hangs', 'says no'])
  }

  see(thing: string): Seen {
    const { version, on, keys } = this.#things.get(thing) ?? { version: 0, on: false, keys: [] }
    return { version, on, keys: [...keys] }
  }

  /** Somebody who is none of Haetae changes a thing. */
  meddle(thing: string, on = true): void {
    const { version, keys } = this.see(thing)
    this.#things.set(thing, { version: version + 1, on, keys })
  }

  /**
   * Changes a thing: if it still is at the version that was seen (throws Refused), once for its key, or whatever it is.
   */
  change(thing: string, when: When, change: Omit<Landed, 'at'>): void {
    const now = this.see(thing)
    if (when === 'once for its key' && now.keys.includes(change.key)) return
    if (typeof when === 'number' && now.version !== when)
      throw new Refused(`version is ${now.version}, not ${when}`)
    const on = change.off !== true
    this.#things.set(thing, { version: now.version + 1, on, keys: [...now.keys, change.key] })
    const landed = { ...change, at: this.clock.now() }
    this.landed.push(landed)
    this.onLanded(landed)
  }
}
