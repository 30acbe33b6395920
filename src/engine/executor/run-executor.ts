import { setMaxListeners } from 'node:events'
import type { Json } from '#model/digest.ts'
import { messageOf } from '#model/errors.ts'
import { terminalNodeStates } from '#model/states.ts'
import { instant } from '#model/time.ts'
import type { PlanNode } from '#plan/plan.ts'
import { Batcher } from '../journal/batcher.ts'
import { TermLost, type Journal, type Term } from '../journal/journal.ts'
import { endsNode, type EngineEvent, type JournalRecord, type PersonsCommand } from '../state/events.ts'
import { planUndo } from '../state/undo.ts'
import { foldEvent } from '../state/fold.ts'
import { isEnded, type NodeView, type RunView } from '../state/view.ts'
import { longestPauseMs } from './backoff.ts'
import { answer } from './commands.ts'
import { Fleet } from './fleet.ts'
import { passGate } from './gate.ts'
import { RunGraph } from './graph.ts'
import { watchDeadline } from './deadline.ts'
import type { Parts, RunHost } from './host.ts'
import type { Lease } from './lease.ts'
import { checkStart } from './start-check.ts'
import { runStep } from './step.ts'
import { Stopped } from './stopped.ts'
import { nothingBegan, passWait } from './wait.ts'

/**
 * Executes one run under one term, from wherever its journal stands. What it writes is folded into the view at once
 * and made durable in the same order; so a step may begin on an outcome that is still on its way to the disk, because
 * its own intent lands behind it, and only an effect waits.
 */
export class RunExecutor implements RunHost {
  readonly parts: Parts
  readonly view: RunView
  readonly lease: Lease
  readonly signal: AbortSignal
  readonly cancelSignal: AbortSignal
  readonly #journal: Journal
  /** An outcome waits for the rest of the turn: the intent of the step behind it mostly comes along. */
  readonly #outbox = new Batcher<EngineEvent[], void>((writes) => this.#append(writes), restOfTurn)
  readonly #graph: RunGraph
  readonly #stop = new AbortController()
  readonly #cancel = new AbortController()
  readonly #tasks = new Set<Promise<void>>()
  readonly #working = new Set<string>()
  readonly #sleepers = new Set<() => void>()
  readonly #fleets = new Map<string, Fleet>()
  readonly #over = Promise.withResolvers<void>()
  /** The newest write, settled: those before it are too, because appends keep their order. */
  #written: Promise<void> = Promise.resolve()
  #starting: Promise<void> | undefined
  #draining = false
  #commandsSeen: number

  /** `view`: the journal folded up to the `term-taken` of the lease's term. */
  constructor(parts: Parts, journal: Journal, lease: Lease, view: RunView) {
    this.parts = parts
    this.view = view
    this.lease = lease
    this.signal = this.#stop.signal
    this.cancelSignal = AbortSignal.any([this.#stop.signal, this.#cancel.signal])
    this.#journal = journal
    this.#graph = new RunGraph(view, (now) => planUndo(now, parts.stepTypes))
    this.#commandsSeen = view.seq
    setMaxListeners(0, this.signal, this.cancelSignal)
  }

  /** Goes on from where the journal stands. Resolves when the run has ended, or was stopped. */
  begin(): Promise<void> {
    try {
      if (this.view.canceling !== null || this.view.rollingBack !== null)
        this.#cancel.abort(new Stopped('the run is being ended'))
      const open = [...this.view.nodes.values()].filter((node) => this.#isOpen(node))
      this.note(...open.map(interrupted))
      // Whoever ended the run from outside told it to the journal alone.
      if (this.view.canceling !== null) this.note(...this.#graph.left())
      this.#track(watchDeadline(this))
      for (const node of this.#graph.ready()) this.#launch(node)
      for (const [seq, command] of [...this.view.commands]) this.#answer(seq, { kind: 'command', ...command })
    } catch (error) {
      this.stop(error)
    }
    return this.#over.promise
  }

  /** An intent without an outcome. A run of its own goes on by itself. */
  #isOpen({ id, state, applied }: NodeView): boolean {
    return state === 'running' && applied === null && this.planNode(id).waitFor === undefined
  }

  note(...events: EngineEvent[]): void {
    // A failure has stopped the run already: whoever waits for durability is told there.
    this.#write(events).catch(() => {})
  }

  async durable(...events: EngineEvent[]): Promise<void> {
    await this.#write(events)
  }

  /** The write shows that the run is held; a command that stands before it is found behind it. */
  async confirmed(...events: EngineEvent[]): Promise<void> {
    await this.#write(events)
    this.takeCommands(await this.#journal.commands(new Map([[this.view.id, this.#commandsSeen]])))
  }

  /** Folds now, appends in the same order. Throws Stopped (at once) when nothing may be written any more. */
  #write(events: readonly EngineEvent[]): Promise<void> {
    if (this.signal.aborted || isEnded(this.view)) throw new Stopped('stopped')
    const { all, ready } = this.#foldAll(events)
    if (all.length === 0) return Promise.resolve()
    const written = this.#outbox.add(all)
    this.#written = written.catch(() => {})
    for (const node of ready) this.#launch(node)
    return written
  }

  /**
   * One append at a time, with everything that was written meanwhile: after one that failed nothing more may land, or
   * a step would stand in the journal without what it needed.
   */
  async #append(writes: readonly EngineEvent[][]): Promise<PromiseSettledResult<void>[]> {
    try {
      if (this.signal.aborted) throw new Stopped('stopped')
      await this.#journal.append(this.lease.term, writes.flat())
    } catch (error) {
      this.stop(error)
      throw new Stopped('the journal could not be written', error)
    }
    if (isEnded(this.view) && this.#outbox.idle) this.#finish(new Stopped('the run has ended'))
    return writes.map(() => ({ status: 'fulfilled', value: undefined }))
  }

  /** Folds events and everything that follows from them by the graph alone; returns them in order. */
  #foldAll(events: readonly EngineEvent[]): { all: EngineEvent[]; ready: PlanNode[] } {
    const at = instant(this.parts.clock.now())
    const all: EngineEvent[] = []
    const ready: PlanNode[] = []
    const take = (event: EngineEvent) => {
      foldEvent(this.view, event, at, 0)
      all.push(event)
    }
    const work = [...events]
    for (const event of work) {
      // Two failed needs cancel a node once.
      if (event.kind === 'node-canceled' && terminalNodeStates.has(this.#graph.node(event.node).state))
        continue
      take(event)
      const next = this.#graph.after(event)
      work.push(...next.events)
      ready.push(...next.ready)
      this.#tell(event)
    }
    for (const fleet of this.#fleets.values()) fleet.changed()
    const next = this.#graph.runEvent()
    if (next !== undefined) take(next)
    return { all, ready }
  }

  /** Those who wait inside the process, and the metrics. */
  #tell(event: EngineEvent): void {
    if (ends.has(event.kind)) this.#cancel.abort(new Stopped('the run is being ended'))
    if (wakes.has(event.kind)) this.wake()
    if (!endsNode(event) || !('node' in event)) return
    this.parts.metrics.nodeEnded(this.#graph.planNode(event.node).type, this.#graph.node(event.node).state)
  }

  /** A node that is being worked on already is left to that: what runs at the end may become ready twice. */
  #launch(node: PlanNode): void {
    if (this.#working.has(node.id)) return
    this.#working.add(node.id)
    this.#track(this.#work(node).finally(() => this.#working.delete(node.id)))
  }

  #track(work: Promise<void>): void {
    const task = work.catch((error: unknown) => this.#failed(error)).finally(() => this.#tasks.delete(task))
    this.#tasks.add(task)
  }

  async #work(node: PlanNode): Promise<void> {
    if (node.gate !== null) return passGate(this, node, node.gate)
    await this.started()
    if (this.#graph.node(node.id).state === 'waiting') await this.untilResumed()
    if (node.finally === true && nothingBegan(this, node)) return
    if (node.finally === true && this.view.takenOver === null) await this.#locked()
    if (node.waitFor !== undefined) return passWait(this, node, node.waitFor)
    return runStep(this, node)
  }

  /** Ends when the systems of the run are its own again, after another run had taken them. */
  async #locked(): Promise<void> {
    while (this.view.preemptedBy !== null) {
      if (await this.#journal.lockAgain(this.lease.term).catch(() => false)) {
        if (this.view.preemptedBy !== null) this.note({ kind: 'run-locked-again' })
      } else await this.pause(lockEveryMs)
    }
  }

  started(): Promise<void> {
    this.#starting ??= checkStart(this)
    return this.#starting
  }

  go(id: string): NodeView {
    if (this.signal.aborted || this.#draining) throw new Stopped('stopped')
    const node = this.#graph.node(id)
    if (terminalNodeStates.has(node.state)) throw new Stopped(`${id} is ${node.state}`)
    return node
  }

  planNode(id: string): PlanNode {
    return this.#graph.planNode(id)
  }

  assertHeld(): void {
    if (!this.lease.held) this.stop(new Stopped('the term could not be renewed in time'))
    if (this.signal.aborted) throw new Stopped('stopped')
  }

  async pause(ms: number): Promise<void> {
    const timer = new AbortController()
    const woken = Promise.withResolvers<void>()
    this.#sleepers.add(woken.resolve)
    try {
      await Promise.race([this.parts.clock.sleep(ms, timer.signal).catch(() => {}), woken.promise])
    } finally {
      this.#sleepers.delete(woken.resolve)
      timer.abort()
    }
    if (this.signal.aborted || this.#draining || isEnded(this.view)) throw new Stopped('stopped')
  }

  async untilResumed(): Promise<boolean> {
    const was = this.view.paused !== null
    while (this.view.paused !== null) await this.pause(longestPauseMs)
    return was
  }

  fleet(join: string): Fleet {
    const known = this.#fleets.get(join) ?? new Fleet(this.view, this.planNode(join))
    this.#fleets.set(join, known)
    return known
  }

  get term(): Term {
    return this.lease.term
  }

  outputs(): ReadonlyMap<string, Json> {
    return this.#graph.outputs
  }

  /** Whoever pauses looks again now. */
  wake(): void {
    for (const wake of [...this.#sleepers]) wake()
    for (const fleet of this.#fleets.values()) fleet.wake()
  }

  /** The seq up to which commands of people were taken. */
  get commandsSeen(): number {
    return this.#commandsSeen
  }

  /** Takes what people asked for; a record that was taken already is left out. */
  takeCommands(records: readonly JournalRecord<PersonsCommand>[]): void {
    for (const { seq, at, event } of records) {
      if (seq <= this.#commandsSeen || this.signal.aborted) continue
      this.#commandsSeen = seq
      foldEvent(this.view, event, at, seq)
      this.#answer(seq, event)
    }
  }

  #answer(seq: number, command: PersonsCommand): void {
    answer(this, seq, command).catch((error: unknown) => this.#failed(error))
  }

  #failed(error: unknown): void {
    if (!(error instanceof Stopped)) this.stop(error)
  }

  /** Begins nothing more; resolves when what is under way has ended and is written. */
  async drain(): Promise<void> {
    this.#draining = true
    this.wake()
    await Promise.allSettled(this.#tasks)
    await this.#written
  }

  /** Ends everything at once, writing nothing: an effect under way becomes `unknown` for whoever goes on. */
  stop(why: unknown): void {
    if (this.signal.aborted) return
    if (why instanceof TermLost) this.parts.metrics.termLost()
    this.parts.log.warn({ run: this.view.id, why: messageOf(why) }, 'stopped executing the run')
    this.#finish(why)
  }

  #finish(why: unknown): void {
    this.#stop.abort(why)
    this.wake()
    this.#over.resolve()
  }
}

const lockEveryMs = 1_000

/** After these, whoever pauses looks again. */
const wakes: ReadonlySet<EngineEvent['kind']> = new Set([
  ...(['run-canceling', 'run-rolling-back', 'run-goes-on', 'run-resumed'] as const),
])

/** After these, no step of the plan is begun any more. */
const ends: ReadonlySet<EngineEvent['kind']> = new Set(['run-canceling', 'run-rolling-back'])

function restOfTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

function interrupted(node: NodeView): EngineEvent {
  const failure = { kind: 'stopped' as const, message: 'the process that made the attempt stopped' }
  return { kind: 'attempt-unknown', node: node.id, attempt: node.attempts.length, failure }
}
