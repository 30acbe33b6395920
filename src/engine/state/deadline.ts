import { instant, type Instant } from '#model/time.ts'
import type { PlanNode } from '#plan/plan.ts'
import { nodesOf, type RunView } from './view.ts'

/** For what is not a step: proving assumptions, a daemon that is restarted, a place among many. */
const graceMs = 600_000

/**
 * When a person is asked about a run that has not ended: after the longest way through its graph by the deadlines of
 * steps and gates. What is open then was held up by people, by a pause or by a fault.
 */
export function deadlineOf(view: RunView): Instant {
  return instant(Date.parse(view.deadlineFrom) + longestMs(nodesOf(view)) + graceMs)
}

/** The longest way through a graph, milliseconds; each node takes all the time that it has. */
export function longestMs(nodes: readonly PlanNode[]): number {
  const ends = new Map<string, number>()
  const waits = new Map<string, number>()
  const followers = new Map<string, PlanNode[]>()
  for (const node of nodes) {
    const before = new Set([...node.needs, ...(node.after ?? [])])
    waits.set(node.id, before.size)
    for (const id of before) followers.set(id, [...(followers.get(id) ?? []), node])
  }
  const free = nodes.filter(({ id }) => waits.get(id) === 0)
  for (const node of free) {
    const end = (ends.get(node.id) ?? 0) + ownMs(node)
    ends.set(node.id, end)
    for (const next of followers.get(node.id) ?? []) {
      ends.set(next.id, Math.max(end, ends.get(next.id) ?? 0))
      const left = (waits.get(next.id) ?? 0) - 1
      waits.set(next.id, left)
      if (left === 0) free.push(next)
    }
  }
  return Math.max(0, ...ends.values())
}

/** A step's time, its last try and its verification; a node that only counts how others ended takes none. */
function ownMs({ waitFor, limits, verify }: PlanNode): number {
  if (waitFor?.kind === 'steps' || waitFor?.kind === 'fleet') return 0
  if (waitFor?.kind === 'time') return waitFor.ms
  return limits.totalMs + (verify === null ? 0 : verify.withinMs + limits.attemptMs)
}
