import { messageOf } from '#model/errors.ts'
import { terminalRunStates } from '#model/states.ts'
import { stepsAtOnce, type EngineOptions } from '../options.ts'
import { readView } from '../run-reader.ts'
import { backoff, longestPauseMs } from './backoff.ts'
import { bounded } from './bounded.ts'
import { Children } from './children.ts'
import type { Parts } from './host.ts'
import { Lease } from './lease.ts'
import { RunExecutor } from './run-executor.ts'
import { Slots } from './slots.ts'
import { Stopped } from './stopped.ts'

const retakeMs = 250

/** Keeps what this process holds: takes runs, renews their terms, lets them go. */
export class Keeper {
  readonly #options: EngineOptions
  readonly #parts: Parts
  readonly #ttlMs: number
  readonly #monotonic: () => number
  readonly #executors = new Map<string, RunExecutor>()
  /** The newest term of each run that this process took. */
  readonly #leases = new Map<string, Lease>()
  readonly #taking = new Set<string>()
  /** Runs that were stopped by trouble: how often in a row, and when they may be taken again. */
  readonly #troubles = new Map<string, { count: number; until: number }>()
  readonly #closed = new AbortController()
  #keeping: Promise<unknown> | undefined
  #stopping = false

  constructor(options: EngineOptions) {
    this.#options = options
    this.#monotonic = options.monotonic ?? (() => performance.now())
    this.#parts = {
      ...options,
      monotonic: this.#monotonic,
      slots: new Slots(options.concurrency ?? stepsAtOnce),
      children: new Children(options.journal, this.#monotonic, (id) => this.take(id), options.planChild),
    }
    this.#ttlMs = options.ttlMs ?? 15_000
  }

  /** Starts what goes on for as long as the engine lives. */
  keep(): void {
    this.#keeping ??= Promise.all([
      this.#every(this.#ttlMs / 3, () => this.#renew()),
      this.#every(this.#ttlMs / 3, () => this.takeAll()),
      this.#every(this.#options.commandsEveryMs ?? 500, () => this.lookForCommands()),
    ])
  }

  /** Does `work` again and again. A round that is not done when the next is due is left to end; none is begun beside it. */
  async #every(ms: number, work: () => Promise<void>): Promise<void> {
    const { clock, log } = this.#options
    let busy = false
    while (!this.#closed.signal.aborted) {
      await clock.sleep(ms, this.#closed.signal).catch(() => {})
      this.#dropExpired()
      if (busy || this.#closed.signal.aborted) continue
      busy = true
      work()
        .catch((error: unknown) => log.warn({ why: messageOf(error) }, 'the journal did not answer'))
        .finally(() => (busy = false))
    }
  }

  async #renew(): Promise<void> {
    const before = [...this.#leases]
    const sent = this.#monotonic()
    const held = await this.#options.journal.renew(this.#options.holder, this.#ttlMs)
    const terms = new Map(held.map(({ runId, term }) => [runId, term]))
    for (const [runId, lease] of before) {
      if (terms.get(runId) === lease.term.term) lease.renewed(sent + this.#ttlMs)
      else this.#stopUnder(lease, 'the run is not held by this process any more')
    }
  }

  #dropExpired(): void {
    for (const lease of this.#leases.values()) {
      if (!lease.held) this.#stopUnder(lease, 'the term could not be renewed in time')
    }
  }

  #stopUnder(lease: Lease, why: string): void {
    const executor = this.#executors.get(lease.term.runId)
    if (executor?.lease === lease) executor.stop(new Stopped(why))
  }

  async takeAll(): Promise<void> {
    for (const runId of await this.#options.journal.takeable(this.#options.holder.daemon)) {
      await this.take(runId)
    }
  }

  /** Takes a run and executes it, unless somebody holds it. A failure is logged: the next round tries again. */
  async take(runId: string): Promise<void> {
    if (this.#stopping || this.#executors.has(runId) || this.#taking.has(runId)) return
    if (this.#monotonic() < (this.#troubles.get(runId)?.until ?? 0)) return
    this.#taking.add(runId)
    try {
      await this.#execute(runId)
    } catch (error) {
      this.#options.log.warn({ run: runId, why: messageOf(error) }, 'could not take the run; trying again')
    } finally {
      this.#taking.delete(runId)
    }
  }

  async #execute(runId: string): Promise<void> {
    const { journal, holder, log } = this.#options
    const until = this.#monotonic() + this.#ttlMs
    const term = await journal.acquire(runId, holder, this.#ttlMs)
    if (term === undefined) return
    // Renewed from now on: reading a long journal may take longer than a term.
    const lease = new Lease(term, this.#monotonic, until)
    this.#leases.set(runId, lease)
    const view = await readView(journal, runId)
    if (this.#stopping || view.term !== term.term) return
    const executor = new RunExecutor(this.#parts, journal, lease, view)
    this.#executors.set(runId, executor)
    log.info({ run: runId, term: term.term }, 'executing the run')
    const since = this.#monotonic()
    executor.begin().then(
      () => this.#over(executor, since),
      () => this.#over(executor, since),
    )
  }

  #over(executor: RunExecutor, sinceMs: number): void {
    const { view } = executor
    this.#executors.delete(view.id)
    if (!terminalRunStates.has(view.state)) return this.#takeAgain(view.id, sinceMs)
    this.#leases.delete(view.id)
    this.#troubles.delete(view.id)
    const seconds = (this.#options.clock.now() - Date.parse(view.createdAt)) / 1000
    this.#options.metrics.runEnded(view.state, seconds)
    this.#options.log.info({ run: view.id, state: view.state }, 'the run has ended')
  }

  /**
   * A run that was stopped by trouble is taken again within a moment, because minutes count; one that is stopped
   * again and again after ever longer pauses, because each time leaves a record.
   */
  #takeAgain(runId: string, sinceMs: number): void {
    const now = this.#monotonic()
    const before = now - sinceMs > longestPauseMs ? 0 : (this.#troubles.get(runId)?.count ?? 0)
    const pause = backoff({ retryBaseMs: retakeMs }, before + 1)
    this.#troubles.set(runId, { count: before + 1, until: now + pause })
    this.#options.clock
      .sleep(pause, this.#closed.signal)
      .then(() => this.take(runId))
      .catch(() => {})
  }

  /** Stops executing a run at once: its term was ended. */
  letGo(runId: string, why: string): void {
    this.#executors.get(runId)?.stop(new Stopped(why))
  }

  wake(runId: string): void {
    this.#executors.get(runId)?.wake()
  }

  async lookForCommands(): Promise<void> {
    if (this.#executors.size === 0) return
    const after = new Map([...this.#executors].map(([runId, executor]) => [runId, executor.commandsSeen]))
    const found = await this.#options.journal.commands(after)
    for (const record of found) this.#executors.get(record.runId)?.takeCommands([record])
  }

  async stop(drainMs: number): Promise<void> {
    this.#stopping = true
    const { clock, journal } = this.#options
    const executors = [...this.#executors.values()]
    const never = new AbortController().signal
    await bounded(clock, drainMs, never, () => Promise.all(executors.map((executor) => executor.drain())))
    for (const executor of executors) executor.stop(new Stopped('the engine stops'))
    await bounded(clock, 2_000, never, () =>
      Promise.allSettled(executors.map((executor) => journal.release(executor.lease.term))),
    )
    this.#closed.abort()
    await this.#keeping
  }
}
