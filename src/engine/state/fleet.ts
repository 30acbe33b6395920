/** The run of its own of a fleet's system. The same for every attempt: it is created once. */
export function childRunId(parent: string, system: string | null): string {
  return `${parent}.${system ?? ''}`
}

/** A system of a fleet, in the order of recovery. */
export interface FleetItem {
  id: string
  /** `held`: it waits for a person before its run begins. */
  state: 'waiting' | 'begun' | 'held' | 'done' | 'failed'
  /** Items before it that it cannot serve without. */
  prerequisites: readonly string[]
}

export interface FleetLimits {
  maxFailures: number
  /** Runs at once; absent: all. */
  maxParallel?: number
  /** Sizes of the first groups. A group begins when the one before it has ended. */
  ramp?: readonly number[]
}

/**
 * Which items may begin now. Whatever is held back, and what cannot serve without it, is passed over: the others go on.
 * Undefined when more have failed than may: then none begins any more.
 */
export function admitted(items: readonly FleetItem[], limits: FleetLimits): string[] | undefined {
  if (items.filter(({ state }) => state === 'failed').length > limits.maxFailures) return undefined
  let places = (limits.maxParallel ?? Infinity) - items.filter(({ state }) => state === 'begun').length
  const passedOver = new Set<string>()
  const begin: string[] = []
  let from = 0
  for (const size of [...(limits.ramp ?? []), Infinity]) {
    let open = false
    for (const { id, state, prerequisites } of items.slice(from, from + size)) {
      const waits = state === 'waiting'
      if (state === 'held' || (waits && prerequisites.some((other) => passedOver.has(other)))) {
        passedOver.add(id)
        continue
      }
      if (waits && places > 0) {
        begin.push(id)
        places -= 1
      }
      open ||= waits || state === 'begun'
    }
    if (open) break
    from += size
  }
  return begin
}
