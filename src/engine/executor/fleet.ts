import type { PlanNode } from '#plan/plan.ts'
import { admitted, type FleetItem, type FleetLimits } from '../state/fleet.ts'
import { isDone, type RunView } from '../state/view.ts'
import { terminalNodeStates } from '#model/states.ts'

/** Gives the systems of a fleet their turns, as its limits and what became of the others say. */
export class Fleet {
  readonly #view: RunView
  readonly #limits: FleetLimits
  readonly #items: readonly PlanNode[]
  /** They have their turn, and have not written yet that they began. */
  readonly #begun = new Set<string>()
  readonly #waiting = new Map<string, () => void>()
  #over = false

  constructor(view: RunView, join: PlanNode) {
    this.#view = view
    this.#limits = join.waitFor?.kind === 'fleet' ? join.waitFor : { maxFailures: 0 }
    this.#items = view.plan.subject.nodes.filter(
      ({ group, waitFor }) => group === join.id && waitFor?.kind === 'run',
    )
  }

  /** Resolves when it is the system's turn, or when it never will be; and now and then without either: ask again. */
  async turn(id: string): Promise<'begin' | 'over' | 'again'> {
    if (this.#begun.has(id)) return 'begin'
    const woken = new Promise<void>((resolve) => void this.#waiting.set(id, resolve))
    this.changed()
    await woken
    if (this.#over) return 'over'
    return this.#begun.has(id) ? 'begin' : 'again'
  }

  /** Something became of an item: others may have their turn now. */
  changed(): void {
    if (this.#waiting.size === 0) return
    const begin = admitted(
      this.#items.map((item) => this.#itemOf(item)),
      this.#limits,
    )
    this.#over = begin === undefined
    if (begin === undefined) return this.wake()
    for (const id of begin) {
      const resolve = this.#waiting.get(id)
      if (resolve === undefined) continue
      this.#waiting.delete(id)
      this.#begun.add(id)
      resolve()
    }
  }

  /** Whoever waits looks again. */
  wake(): void {
    const waiting = [...this.#waiting.values()]
    this.#waiting.clear()
    for (const resolve of waiting) resolve()
  }

  #itemOf({ id, waitFor }: PlanNode): FleetItem {
    const prerequisites = waitFor?.kind === 'run' ? waitFor.prerequisites : []
    const state = this.#view.nodes.get(id)?.state ?? 'waiting'
    if (state !== 'waiting') this.#begun.delete(id)
    if (state === 'needs-person') return { id, prerequisites, state: 'held' }
    if (terminalNodeStates.has(state)) return { id, prerequisites, state: isDone(state) ? 'done' : 'failed' }
    return { id, prerequisites, state: state === 'waiting' && !this.#begun.has(id) ? 'waiting' : 'begun' }
  }
}
