import { messageOf } from '#model/errors.ts'
import type { Log } from '#platform/log.ts'

/**
 * What a start-up took, to be given back in reverse order. A failed start and an orderly stop use the same list,
 * so nothing that was opened can be forgotten by one of them.
 */
export class Releasers {
  readonly #list: { name: string; release: () => Promise<void> | void }[] = []
  readonly #log: Log

  constructor(log: Log) {
    this.#log = log
  }

  add(name: string, release: () => Promise<void> | void): void {
    this.#list.push({ name, release })
  }

  /** Gives everything back, last taken first. One that fails is logged and does not keep the others. */
  async release(): Promise<void> {
    for (let next = this.#list.pop(); next !== undefined; next = this.#list.pop()) {
      const began = Date.now()
      try {
        await next.release()
      } catch (error) {
        this.#log.error({ part: next.name, why: messageOf(error) }, 'a part could not be released')
      }
      this.#log.debug({ part: next.name, ms: Date.now() - began }, 'released')
    }
  }
}
