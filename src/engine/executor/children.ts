import { HaetaeError, isHaetaeError } from '#model/errors.ts'
import { terminalRunStates } from '#model/states.ts'
import type { Journal, NewRun, RunRow, Term } from '../journal/journal.ts'
import type { PlanChild } from '../ports.ts'
import { readView } from '../run-reader.ts'
import { finishesNode, type Command } from '../state/events.ts'
import type { RunView } from '../state/view.ts'

/** What was read a moment ago is shared: hundreds of nodes ask for the same. */
const freshMs = 300
const forgetMs = 60_000
const read = 1_000

interface Finished {
  seq: number
  nodes: Set<string>
  at: number
  reading: Promise<unknown>
}

/** The runs of the systems of fleets, whoever executes them: they are created and followed by the journal alone. */
export class Children {
  readonly plan: PlanChild
  readonly #journal: Journal
  readonly #monotonic: () => number
  /** Executes a run, if nobody else does. */
  readonly #take: (runId: string) => Promise<void>
  readonly #rows = new Map<string, { at: number; rows: Promise<ReadonlyMap<string, RunRow>> }>()
  readonly #finished = new Map<string, Finished>()

  constructor(
    journal: Journal,
    monotonic: () => number,
    take: (runId: string) => Promise<void>,
    plan: PlanChild = refuse,
  ) {
    this.#journal = journal
    this.#monotonic = monotonic
    this.#take = take
    this.plan = plan
  }

  /** Creates a run, unless it is there already, and begins it. Throws `system-locked`, TermLost. */
  async create(run: NewRun & { parent: Term }): Promise<void> {
    try {
      await this.#journal.create(run)
    } catch (error) {
      if (!isHaetaeError(error, 'run-exists')) throw error
      const there = await this.#journal.run(run.id)
      if (there?.parent !== run.parent.runId) throw error
    }
    this.#rows.delete(run.parent.runId)
    await this.#take(run.id)
  }

  /** A run as it is now. */
  find(runId: string): Promise<RunRow | undefined> {
    return this.#journal.run(runId)
  }

  /** The runs of a fleet that were created, by their id, as they were a moment ago. */
  of(parent: string): Promise<ReadonlyMap<string, RunRow>> {
    const now = this.#monotonic()
    for (const [id, { at }] of this.#rows) if (at + freshMs <= now) this.#rows.delete(id)
    const known = this.#rows.get(parent)
    if (known !== undefined) return known.rows
    const rows = this.#journal
      .runs({ parent, limit: 1_000_000 })
      .then((found) => new Map(found.map((row) => [row.id, row])))
    this.#rows.set(parent, { at: now, rows })
    rows.catch(() => this.#rows.delete(parent))
    return rows
  }

  /** Whether a node of a run has ended so that others may begin. Reads what the journal has more than last time. */
  async isFinished(row: RunRow, node: string): Promise<boolean> {
    const now = this.#monotonic()
    for (const [id, { at }] of this.#finished) if (at + forgetMs <= now) this.#finished.delete(id)
    const known = this.#finished.get(row.id) ?? {
      seq: 0,
      nodes: new Set(),
      at: now,
      reading: Promise.resolve(),
    }
    this.#finished.set(row.id, known)
    known.at = now
    known.reading = known.reading.catch(() => {}).then(() => this.#readOn(row, known))
    await known.reading
    return known.nodes.has(node)
  }

  async #readOn(row: RunRow, known: Finished): Promise<void> {
    while (known.seq < row.lastSeq) {
      const records = await this.#journal.read(row.id, known.seq, read)
      if (records.length === 0) return
      for (const { seq, event } of records) {
        known.seq = seq
        if (finishesNode(event) && 'node' in event && event.node !== null) known.nodes.add(event.node)
      }
    }
  }

  async isEnded(runId: string): Promise<boolean> {
    const row = await this.#journal.run(runId)
    return row !== undefined && terminalRunStates.has(row.state)
  }

  view(runId: string): Promise<RunView> {
    return readView(this.#journal, runId)
  }

  /** Asks of a part what was asked of its fleet. Throws TermLost when the fleet is not held any more. */
  async passOn(runId: string, command: Command, by: string, fleet: Term): Promise<void> {
    await this.#journal.command(runId, command, by, fleet).catch((error: unknown) => {
      if (!isHaetaeError(error, 'run-ended')) throw error
    })
  }
}

const refuse: PlanChild = async ({ node }) => {
  throw new HaetaeError('plan-impossible', node.id, { why: 'this engine runs no fleets' })
}
