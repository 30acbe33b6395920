/** Collects what arrives while a commit is under way into the next one: the more there is to write, the fewer commits. */
export class Batcher<I, O> {
  readonly #commit: (items: readonly I[]) => Promise<PromiseSettledResult<O>[]>
  readonly #gather: () => Promise<void>
  readonly #most: number
  #waiting: { item: I; done: PromiseWithResolvers<O> }[] = []
  #busy = false

  /**
   * `commit` answers for each item, in order; when it throws, every item of the batch fails with that.
   * `gather` says how long a batch may still grow before it is taken: by default for what is done at once.
   */
  constructor(
    commit: (items: readonly I[]) => Promise<PromiseSettledResult<O>[]>,
    gather: () => Promise<void> = () => Promise.resolve(),
    most = 1_000,
  ) {
    this.#commit = commit
    this.#gather = gather
    this.#most = most
  }

  /** Resolves when the item is committed. Items are committed in the order of these calls. */
  add(item: I): Promise<O> {
    const done = Promise.withResolvers<O>()
    this.#waiting.push({ item, done })
    if (!this.#busy) void this.#work()
    return done.promise
  }

  /** Nothing waits for the next commit. */
  get idle(): boolean {
    return this.#waiting.length === 0
  }

  async #work(): Promise<void> {
    this.#busy = true
    while (this.#waiting.length > 0) {
      await this.#gather()
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
