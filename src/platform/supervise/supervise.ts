import { messageOf } from '#model/errors.ts'
import type { Clock } from '#model/time.ts'
import { isAlive, type ProcessFacts } from './process-table.ts'

/** How one program is found, started, asked and stopped. */
export interface Program {
  /** For people: `PostgreSQL`, `Redis`. */
  readonly name: string
  /** Makes folders and files ready. Throws HaetaeError when it cannot be run at all (a missing program). */
  prepare(): Promise<void>
  /** The process that runs on our folder already, left by a daemon that was killed; undefined when there is none. */
  find(): ProcessFacts | undefined
  /** Starts it, apart from this process so that it outlives it, and returns its facts. */
  start(): Promise<ProcessFacts>
  /** Resolves when it answers; rejects with why it does not. */
  ask(signal: AbortSignal): Promise<void>
  /** Signal of an orderly stop. */
  readonly stopSignal: NodeJS.Signals
}

export type ProgramStatus = 'starting' | 'up' | 'down' | 'stopped'

export interface ProgramState {
  status: ProgramStatus
  /** Milliseconds since the epoch. */
  since: number
  pid: number | undefined
  /** It ran before this daemon did. */
  adopted: boolean
  restarts: number
  why: string | undefined
}

export interface SuperviseOptions {
  clock: Clock
  onState: (state: ProgramState) => void
  /** How long a start may take, milliseconds. */
  startWithinMs?: number
  checkEveryMs?: number
  backoffMs?: { first: number; most: number }
}

export interface Supervised {
  state(): ProgramState
  /** Waits until it answers; rejects with why it does not after `withinMs`. */
  whenUp(withinMs: number): Promise<void>
  /** Ends the supervision; ends the program too unless told to leave it. */
  stop(options?: { leaveRunning?: boolean }): Promise<void>
}

/**
 * Keeps a program running: adopts the one that is there, starts it otherwise, starts it again with growing pauses
 * when it ends. Never throws later: what goes wrong is in the state. The first `prepare` is awaited, and its error
 * is the caller's to judge, unless `tolerant`, where it is retried like any other failure.
 */
export async function supervise(
  program: Program,
  options: SuperviseOptions,
  tolerant = false,
): Promise<Supervised> {
  const supervisor = new Supervisor(program, options)
  if (!tolerant) await program.prepare()
  supervisor.run()
  return supervisor
}

class Supervisor implements Supervised {
  readonly #program: Program
  readonly #options: SuperviseOptions
  readonly #ending = new AbortController()
  readonly #waiters = new Set<() => void>()
  #state: ProgramState
  #process: ProcessFacts | undefined
  #loop: Promise<void> = Promise.resolve()

  constructor(program: Program, options: SuperviseOptions) {
    this.#program = program
    this.#options = options
    const since = options.clock.now()
    this.#state = { status: 'starting', since, pid: undefined, adopted: false, restarts: 0, why: undefined }
  }

  state(): ProgramState {
    return this.#state
  }

  run(): void {
    this.#loop = this.#keep()
  }

  async whenUp(withinMs: number): Promise<void> {
    const until = this.#options.clock.now() + withinMs
    while (this.#state.status !== 'up') {
      const left = until - this.#options.clock.now()
      if (left <= 0) throw new Error(this.#state.why ?? `it did not answer within ${withinMs} ms`)
      const timer = new AbortController()
      await Promise.race([
        new Promise<void>((done) => this.#waiters.add(done)),
        this.#options.clock.sleep(left, timer.signal).catch(() => undefined),
      ])
      timer.abort()
    }
  }

  async stop(options: { leaveRunning?: boolean } = {}): Promise<void> {
    this.#ending.abort()
    await this.#loop
    if (options.leaveRunning !== true) await this.#end(20_000)
    this.#set({ status: 'stopped', why: undefined })
  }

  async #keep(): Promise<void> {
    const { first, most } = this.#options.backoffMs ?? { first: 200, most: 10_000 }
    let pause = first
    while (!this.#ending.signal.aborted) {
      const startedAt = this.#options.clock.now()
      await this.#once().catch((error: unknown) => this.#set({ status: 'down', why: messageOf(error) }))
      if (this.#ending.signal.aborted) return
      if (this.#options.clock.now() - startedAt > 60_000) pause = first
      await this.#sleep(pause)
      pause = Math.min(pause * 2, most)
      this.#state = { ...this.#state, restarts: this.#state.restarts + 1 }
    }
  }

  /** One life of the program: until it ends or the supervision does. */
  async #once(): Promise<void> {
    const found = this.#program.find()
    if (found === undefined) {
      await this.#program.prepare()
      if (this.#ending.signal.aborted) return
    }
    const facts = found ?? (await this.#program.start())
    this.#process = facts
    this.#set({ status: 'starting', pid: facts.pid, adopted: found !== undefined })
    await this.#untilItAnswers(facts)
    if (this.#ending.signal.aborted) return
    this.#set({ status: 'up', why: undefined })
    while (!this.#ending.signal.aborted) {
      if (!isAlive(facts)) throw new Error(`${this.#program.name} (process ${facts.pid}) has ended`)
      await this.#sleep(this.#options.checkEveryMs ?? 250)
    }
  }

  async #untilItAnswers(facts: ProcessFacts): Promise<void> {
    const deadline = this.#options.clock.now() + (this.#options.startWithinMs ?? 60_000)
    let why = 'it did not answer'
    while (!this.#ending.signal.aborted) {
      try {
        await this.#program.ask(AbortSignal.any([this.#ending.signal, AbortSignal.timeout(2_000)]))
        return
      } catch (error) {
        why = messageOf(error)
      }
      if (!isAlive(facts)) throw new Error(`${this.#program.name} ended while it started: ${why}`)
      if (this.#options.clock.now() > deadline) {
        await this.#end(5_000)
        throw new Error(`${this.#program.name} did not answer in time: ${why}`)
      }
      await this.#sleep(50)
    }
  }

  async #end(withinMs: number): Promise<void> {
    const facts = this.#process
    if (facts === undefined || !isAlive(facts)) return
    const deadline = Date.now() + withinMs
    send(facts, this.#program.stopSignal)
    while (isAlive(facts)) {
      if (Date.now() > deadline) send(facts, 'SIGKILL')
      await new Promise((done) => setTimeout(done, 20))
    }
  }

  #set(change: Partial<ProgramState>): void {
    const statusChanged = change.status !== undefined && change.status !== this.#state.status
    const before = this.#state
    this.#state = {
      ...before,
      ...change,
      since: statusChanged ? this.#options.clock.now() : before.since,
    }
    if (!statusChanged && before.why === this.#state.why) return
    this.#options.onState(this.#state)
    for (const wake of this.#waiters) wake()
    this.#waiters.clear()
  }

  async #sleep(ms: number): Promise<void> {
    await this.#options.clock.sleep(ms, this.#ending.signal).catch(() => undefined)
  }
}

function send(facts: ProcessFacts, signal: NodeJS.Signals): void {
  try {
    process.kill(facts.pid, signal)
  } catch {
    // It ended in between: what we wanted.
  }
}
