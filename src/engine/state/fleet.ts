import type { PlanNode } from '#plan/plan.ts'
import { refusal, type Verb } from './refusal.ts'
import type { StepTypes } from './refuse-skip.ts'
import { isEnded, planNodeOf, type RunView } from './view.ts'

/**
 * What a part of a fleet is still to be asked so that it is as its fleet is: canceled, rolled back, paused or let go on
 * with it. It follows from the two journals alone, so that whoever holds the fleet says the same, and says it once.
 * Undefined when there is nothing to say, or when the part has not answered what was said last.
 */
export function passOn(fleet: RunView, part: RunView, types: StepTypes): PassedOn | undefined {
  if (isEnded(part) || [...part.commands.values()].some((asked) => asked.fleet === true)) return undefined
  return standing(fleet).find(({ command }) => refusal(part, command, types, 'fleet') === undefined)
}

interface PassedOn {
  command: Exclude<Verb, { verb: 'skip' }>
  by: string
}

/**
 * What people said of a fleet that still stands, in the order in which its parts are told. A roll back may be paused; and
 * a part with nothing to roll back any more goes on when its fleet does.
 */
export function standing({ canceling, rollingBack, paused, resumed, requester }: RunView): PassedOn[] {
  const say = (verb: PassedOn['command']['verb'], { by, reason }: { by: string; reason: string }) => ({
    command: { verb, reason },
    by,
  })
  if (canceling !== null) return [say('cancel', canceling)]
  return [
    ...(rollingBack === null ? [] : [say('rollback', rollingBack)]),
    paused?.own ? say('pause', paused.own) : say('resume', resumed ?? { by: requester, reason: '' }),
  ]
}

/** The run of its own of a fleet's system. The same for every attempt: it is created once. */
export function childRunId(parent: string, system: string | null): string {
  return `${parent}.${system ?? ''}`
}

/**
 * Systems that wait for a person and that a system of a fleet cannot serve without, also by way of others: it does not
 * begin before they do.
 */
export function heldBefore(view: RunView, node: PlanNode): string[] {
  const seen = new Set<string>()
  const held: string[] = []
  const look = ({ waitFor }: PlanNode) => {
    for (const id of waitFor?.kind === 'run' ? waitFor.prerequisites : []) {
      if (seen.has(id)) continue
      seen.add(id)
      const state = view.nodes.get(id)?.state
      if (state === 'needs-person') held.push(id)
      const behind = state === 'waiting' ? planNodeOf(view, id) : undefined
      if (behind !== undefined) look(behind)
    }
  }
  look(node)
  return held
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
