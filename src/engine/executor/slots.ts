import { Stopped } from './stopped.ts'

interface Waiter {
  take(): void
}

/** A number of places, given to the lowest wave first and within a wave in the order of asking. */
export class Slots {
  #free: number
  readonly #waiting = new Map<number, Set<Waiter>>()

  constructor(count: number) {
    this.#free = count
  }

  /** Resolves with the function that gives the place back. Throws Stopped when the signal aborts first. */
  async take(wave: number, signal: AbortSignal): Promise<() => void> {
    if (signal.aborted) throw new Stopped('stopped')
    if (this.#free > 0) this.#free -= 1
    else await this.#wait(wave, signal)
    let given = false
    return () => {
      if (given) return
      given = true
      this.#giveBack()
    }
  }

  #wait(wave: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const queue = this.#waiting.get(wave) ?? new Set()
      this.#waiting.set(wave, queue)
      const waiter: Waiter = {
        take: () => {
          signal.removeEventListener('abort', leave)
          resolve()
        },
      }
      const leave = () => {
        queue.delete(waiter)
        reject(new Stopped('stopped'))
      }
      signal.addEventListener('abort', leave, { once: true })
      queue.add(waiter)
    })
  }

  #giveBack(): void {
    const waves = [...this.#waiting].filter(([, queue]) => queue.size > 0).map(([wave]) => wave)
    const queue = this.#waiting.get(Math.min(...waves))
    const first = queue?.values().next().value
    if (queue === undefined || first === undefined) {
      this.#free += 1
      return
    }
    queue.delete(first)
    first.take()
  }
}
