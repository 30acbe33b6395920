import { messageOf } from '#model/errors.ts'
import { terminalRunStates } from '#model/states.ts'
import type { Clock } from '#model/time.ts'
import type { AnyStepType } from '#runbook/step-type.ts'
import { assertRunnable, nothingToDecide, systemsOf } from './accept.ts'
import type { Engine } from './engine-port.ts'
import { bounded } from './executor/bounded.ts'
import type { Parts } from './executor/host.ts'
import { Lease } from './executor/lease.ts'
import { RunExecutor } from './executor/run-executor.ts'
import { Slots } from './executor/slots.ts'
import { Stopped } from './executor/stopped.ts'
import type { Holder, Journal } from './journal/journal.ts'
import type {
  Approvals,
  Assumptions,
  AuthorityHeld,
  Contexts,
  EngineLog,
  EngineMetrics,
  ResolveInput,
} from './ports.ts'
import { createRunReader, readView } from './run-reader.ts'

export interface EngineOptions {
  journal: Journal
  /** By `StepType.type`. */
  stepTypes: ReadonlyMap<string, AnyStepType>
  contexts: Contexts
  approvals: Approvals
  assumptions: Assumptions
  authority: AuthorityHeld
  resolve: ResolveInput
  clock: Clock
  log: EngineLog
  metrics: EngineMetrics
  /** `daemon` names the data folder: one process at a time. `incarnation` is new at every start. */
  holder: Holder
  /** How long a term lasts without being renewed; renewed every third of it. */
  ttlMs?: number
  /** Steps under way at once, over all runs. */
  concurrency?: number
  /** How often commands of people are looked for that did not come through this process. */
  commandsEveryMs?: number
  /** Milliseconds that only grow, whatever happens to the clock on the wall. */
  monotonic?: () => number
}

/** An engine; nothing runs before `start` or `resumeAll`. */
export function createEngine(options: EngineOptions): Engine {
  const keeper = new Keeper(options)
  const { journal } = options
  return {
    runs: createRunReader(journal, options.clock),

    async start({ id, plan, requester, reason }) {
      assertRunnable(plan, options.stepTypes)
      await journal.create({ id, plan, requester, reason, systems: systemsOf(plan) })
      keeper.keep()
      await keeper.take(id)
    },

    async resumeAll() {
      keeper.keep()
      await keeper.takeAll()
    },

    wake: (runId) => keeper.wake(runId),

    async cancel(runId, by, reason) {
      await journal.command(runId, { verb: 'cancel', reason }, by)
      await keeper.lookForCommands()
    },

    async decide(runId, node, decision, by, reason) {
      const view = await readView(journal, runId)
      const asked = node === null ? view.question : (view.nodes.get(node)?.question ?? null)
      if (!terminalRunStates.has(view.state) && !asked?.choices.includes(decision)) {
        throw nothingToDecide(runId, node, decision, asked)
      }
      await journal.command(runId, { verb: 'decide', node, decision, reason }, by)
      await keeper.lookForCommands()
    },

    stop: (drainMs = 5_000) => keeper.stop(drainMs),
  }
}

/** Keeps what this process holds: takes runs, renews their terms, lets them go. */
class Keeper {
  readonly #options: EngineOptions
  readonly #parts: Parts
  readonly #ttlMs: number
  readonly #monotonic: () => number
  readonly #executors = new Map<string, RunExecutor>()
  readonly #taking = new Set<string>()
  readonly #closed = new AbortController()
  #keeping: Promise<unknown> | undefined
  #stopping = false

  constructor(options: EngineOptions) {
    this.#options = options
    this.#parts = { ...options, slots: new Slots(options.concurrency ?? 128) }
    this.#ttlMs = options.ttlMs ?? 15_000
    this.#monotonic = options.monotonic ?? (() => performance.now())
  }

  /** Starts what goes on for as long as the engine lives. */
  keep(): void {
    this.#keeping ??= Promise.all([
      this.#every(this.#ttlMs / 3, async () => {
        await this.#renew()
        await this.takeAll()
      }),
      this.#every(this.#options.commandsEveryMs ?? 500, () => this.lookForCommands()),
    ])
  }

  async #every(ms: number, work: () => Promise<void>): Promise<void> {
    const { clock, log } = this.#options
    while (!this.#closed.signal.aborted) {
      await clock.sleep(ms, this.#closed.signal).catch(() => {})
      if (this.#closed.signal.aborted) return
      // The loop that renews is never held up: work that takes longer than a period is left behind.
      const result = await bounded(clock, ms, this.#closed.signal, work)
      if (result.kind === 'error') log.warn({ why: messageOf(result.error) }, 'the journal did not answer')
      this.#dropExpired()
    }
  }

  async #renew(): Promise<void> {
    const before = [...this.#executors]
    const sent = this.#monotonic()
    const held = await this.#options.journal.renew(this.#options.holder, this.#ttlMs)
    const terms = new Map(held.map(({ runId, term }) => [runId, term]))
    for (const [runId, executor] of before) {
      if (terms.get(runId) === executor.lease.term.term) executor.lease.renewed(sent + this.#ttlMs)
      else executor.stop(new Stopped('the run is not held by this process any more'))
    }
  }

  #dropExpired(): void {
    for (const executor of this.#executors.values()) {
      if (!executor.lease.held) executor.stop(new Stopped('the term could not be renewed in time'))
    }
  }

  async takeAll(): Promise<void> {
    for (const runId of await this.#options.journal.takeable(this.#options.holder.daemon)) {
      await this.take(runId)
    }
  }

  /** Takes a run and executes it, unless somebody holds it. A failure is logged: the next round tries again. */
  async take(runId: string): Promise<void> {
    if (this.#stopping || this.#executors.has(runId) || this.#taking.has(runId)) return
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
    const view = await readView(journal, runId)
    if (this.#stopping || view.term !== term.term) return
    const executor = new RunExecutor(this.#parts, journal, new Lease(term, this.#monotonic, until), view)
    this.#executors.set(runId, executor)
    log.info({ run: runId, term: term.term }, 'executing the run')
    executor.begin().then(
      () => this.#over(executor),
      () => this.#over(executor),
    )
  }

  #over(executor: RunExecutor): void {
    const { view } = executor
    this.#executors.delete(view.id)
    if (!terminalRunStates.has(view.state)) return
    const seconds = (this.#options.clock.now() - Date.parse(view.createdAt)) / 1000
    this.#options.metrics.runEnded(view.state, seconds)
    this.#options.log.info({ run: view.id, state: view.state }, 'the run has ended')
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
