/** Collects what arrives while a commit is under way into the next one: the more there is to write, the fewer commits. */
export class Batcher<I, O> {
  readonly #commit: (items: readonly I[]) => Promise<PromiseSettledResult<O>[]>
  readonly #most: number
  #waiting: { item: I; done: PromiseWithResolvers<O> }[] = []
  #busy = false

  /** `commit` answers for each item, in order; when it throws, every item of the batch fails with that. */
  constructor(commit: (items: readonly I[]) => Promise<PromiseSettledResult<O>[]>, most = 1_000) {
    this.#commit = commit
    this.#most = most
  }

  /** Resolves when the item is committed. Items are committed in the order of these calls. */
  add(item: I): Promise<O> {
    const done = Promise.withResolvers<O>()
    this.#waiting.push({ item, done })
    if (!this.#busy) void this.#work()
    return done.promise
  }

  async #work(): Promise<void> {
    this.#busy = true
    // What is added in the same turn of the event loop goes into the first batch too.
    await Promise.resolve()
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, this.#most)
      try {
        const results = await this.#commit(batch.map(({ item }) => item))
        for (const [index, { done }] of batch.entries()) settle(done, results[index])
      } catch (error) {
        for (const { done } of batch) done.reject(error)
      }
    }
    this.#busy = false
  }
}

function settle<O>(done: PromiseWithResolvers<O>, result: PromiseSettledResult<O> | undefined): void {
  if (result?.status === 'fulfilled') done.resolve(result.value)
  else done.reject(result?.reason ?? new Error('the batch gave no answer for this item'))
}
