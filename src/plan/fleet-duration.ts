import { endOf, endsOf, forecastFrom, latestOf, type End, type Ends, type Measured } from './duration.ts'
import type { DurationForecast, PlanNode } from './plan.ts'

/**
 * How long a fleet takes from when people have decided: the runs of its systems begin in their order, as its ramp and its
 * limit give them places, and each is as long as its own graph, in which steps wait for those of other systems. Pure.
 * `parts`: the nodes of each system's plan.
 */
export function fleetDuration(
  nodes: readonly PlanNode[],
  parts: ReadonlyMap<string, readonly PlanNode[]>,
  measured: Measured,
  atOnce: number,
): DurationForecast {
  const runs = nodes.filter(({ waitFor }) => waitFor?.kind === 'run')
  // In this one the systems take no time: it is for what stands before them.
  const before = endsOf(nodes, measured)
  const turns = new Turns(nodes, beginOf(runs, before))
  const ends = new Map<string, End>()
  for (const { id } of runs) {
    const own = parts.get(id) ?? []
    endsOf(own, measured, ends, turns.next())
    const after = latestOf(
      own.map((node) => node.id),
      ends,
    )
    const end = { ms: endOf(ends, after), after }
    ends.set(id, end)
    turns.ended({ ...end, after: id })
  }
  endsOf(nodes, measured, ends)
  return forecastFrom([...nodes, ...[...parts.values()].flat()], ends, measured, atOnce)
}

function beginOf([first]: readonly PlanNode[], ends: Ends): End {
  const after = latestOf(first?.needs ?? [], ends)
  return { ms: endOf(ends, after), after }
}

/** When one system after the other begins, as engine/state/fleet.ts gives the turns; a test holds the two equal. */
class Turns {
  readonly #places: number
  readonly #groups: number[]
  #left: number
  /** Nothing of this group begins before. */
  #from: End
  #latest: End
  /** Ends of those that have a place, the first one first. */
  readonly #running: End[] = []

  constructor(nodes: readonly PlanNode[], from: End) {
    const limits = nodes.flatMap(({ waitFor }) => (waitFor?.kind === 'fleet' ? [waitFor] : []))[0]
    this.#places = limits?.maxParallel ?? Infinity
    this.#groups = [...(limits?.ramp ?? [])]
    this.#left = this.#groups.shift() ?? Infinity
    this.#from = from
    this.#latest = from
  }

  next(): End {
    if (this.#left === 0) {
      this.#left = this.#groups.shift() ?? Infinity
      this.#from = this.#latest
      this.#running.length = 0
    }
    this.#left -= 1
    return (this.#running.length >= this.#places ? this.#running.shift() : undefined) ?? this.#from
  }

  ended(end: End): void {
    if (end.ms > this.#latest.ms) this.#latest = end
    if (this.#places === Infinity) return
    const later = this.#running.findIndex(({ ms }) => ms > end.ms)
    this.#running.splice(later === -1 ? this.#running.length : later, 0, end)
  }
}
