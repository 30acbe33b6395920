import type { Clock } from '#model/time.ts'

interface Sleeper {
  at: number
  order: number
  wake: () => void
}

/** A clock that stands still until somebody moves it to the next sleeper. */
export class VirtualClock implements Clock {
  #now = Date.UTC(2026, 10, 24)
  #order = 0
  #sleepers: Sleeper[] = []

  now(): number {
    return this.#now
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) return reject(signal.reason as Error)
      const sleeper: Sleeper = { at: this.#now + Math.max(0, ms), order: this.#order++, wake: () => {} }
      const leave = () => {
        this.#sleepers = this.#sleepers.filter((other) => other !== sleeper)
        reject(signal?.reason as Error)
      }
      sleeper.wake = () => {
        signal?.removeEventListener('abort', leave)
        resolve()
      }
      signal?.addEventListener('abort', leave, { once: true })
      this.#sleepers.push(sleeper)
    })
  }

  /** Wakes the sleepers that are due next; false when nobody sleeps. */
  advance(): boolean {
    const next = Math.min(...this.#sleepers.map((sleeper) => sleeper.at))
    if (next === Infinity) return false
    this.#now = Math.max(this.#now, next)
    const due = this.#sleepers.filter((sleeper) => sleeper.at <= this.#now)
    this.#sleepers = this.#sleepers.filter((sleeper) => sleeper.at > this.#now)
    for (const sleeper of due.toSorted((a, b) => a.order - b.order)) sleeper.wake()
    return true
  }
}

/** Lets everything that can go on without time passing go on; work may put itself off by a turn of the event loop. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve))
}
