import type { Clock } from '#model/time.ts'
import { settle } from './clock.ts'

/**
 * One start of a daemon in the simulation. Everything that it does passes a point, where it can be killed (nothing of
 * it ever goes on again) or frozen (it goes on later, as after SIGSTOP and SIGCONT).
 */
export class SimProcess {
  readonly daemon: string
  readonly incarnation: string
  wasFrozen = false
  #broken = false
  #state: 'alive' | 'dead' | 'frozen' = 'alive'
  #waiting: (() => void)[] = []
  readonly #onPoint: (process: SimProcess, name: string) => void

  constructor(daemon: string, incarnation: string, onPoint: (process: SimProcess, name: string) => void) {
    this.daemon = daemon
    this.incarnation = incarnation
    this.#onPoint = onPoint
  }

  get alive(): boolean {
    return this.#state !== 'dead'
  }

  get frozen(): boolean {
    return this.#state === 'frozen'
  }

  kill(): void {
    this.#state = 'dead'
  }

  /** The call to the journal that is under way fails: what it asked for may have happened or not. */
  breakCall(): void {
    this.#broken = true
  }

  failIfAsked(): void {
    const broken = this.#broken
    this.#broken = false
    if (broken) throw new Error('connection reset')
  }

  freeze(): void {
    this.wasFrozen = true
    this.#state = 'frozen'
  }

  /** What stood still longest goes on first, one after the other: timers that are overdue do not come before all else. */
  async thaw(): Promise<void> {
    if (this.#state !== 'frozen') return
    this.#state = 'alive'
    for (const goOn of this.#waiting.splice(0)) {
      goOn()
      await settle()
    }
  }

  /** A moment at which the process may be killed or frozen. */
  async point(name: string): Promise<void> {
    if (this.#state === 'alive') this.#onPoint(this, name)
    await this.running()
  }

  /** Resolves when the process runs; never, when it is dead. */
  async running(): Promise<void> {
    while (this.#state === 'frozen') await new Promise<void>((resolve) => void this.#waiting.push(resolve))
    if (this.#state === 'dead') await new Promise<never>(() => {})
  }

  clock(base: Clock): Clock {
    return {
      now: () => base.now(),
      sleep: async (ms, signal) => {
        try {
          await base.sleep(ms, signal)
        } finally {
          await this.running()
        }
      },
    }
  }
}
