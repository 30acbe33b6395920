import type { RunView } from '#engine/state/view.ts'
import type { Instant } from '#model/time.ts'
import type { PlanNode } from '#plan/plan.ts'

/** The times of one system in a run, each null until it was reached. By the executor's clock. */
export interface SystemTimes {
  system: string
  wave: number
  rtoTargetMs: number | null
  detected: Instant | null
  declared: Instant | null
  approved: Instant | null
  fenced: Instant | null
  promoted: Instant | null
  up: Instant | null
  verified: Instant | null
  open: Instant | null
}

/** The step types whose end is each of the times. */
const reachedBy = {
  fenced: ['authority.attest'],
  promoted: ['pg.promote'],
  up: ['k8s.wait'],
  verified: ['http.check', 'http.get'],
  open: ['dns.switch'],
} as const

/**
 * The timeline of every system of a run, in the order of waves. Pure. `detectedAt` says when the monitor saw that a
 * system's site was suspected lost (or the system itself not serving).
 */
export function timesOf(view: RunView, detectedAt: (system: string) => Instant | null): SystemTimes[] {
  const { nodes, mode } = view.plan.subject
  const bySystem = Map.groupBy(nodes, (node) => node.system)
  const systems = [...bySystem.keys()].filter((system) => system !== null)
  // An operation recovers nothing: it has no such target.
  const recovered = mode === 'failover' ? view.plan.systems : []
  const targets = new Map(recovered.map((one) => [one.system, one.rtoTargetMs]))
  const approved = lastEnd(
    view,
    nodes.filter((node) => node.gate?.purpose === mode),
  )
  return systems
    .map((system) => {
      const own = bySystem.get(system) ?? []
      const ended = (types: readonly string[]): Instant | null =>
        lastEnd(
          view,
          own.filter((node) => types.includes(node.type)),
        )
      return {
        system,
        wave: Math.max(0, ...own.map((node) => node.wave)),
        rtoTargetMs: targets.get(system) ?? null,
        detected: detectedAt(system),
        declared: view.createdAt,
        approved,
        fenced: ended(reachedBy.fenced),
        promoted: ended(reachedBy.promoted),
        up: ended(reachedBy.up),
        verified: ended(reachedBy.verified),
        open: ended(reachedBy.open),
      }
    })
    .toSorted((a, b) => a.wave - b.wave || (a.system < b.system ? -1 : 1))
}

/** When the last of the nodes was done; null while one of them is not, or when there is none. */
function lastEnd(view: RunView, nodes: readonly PlanNode[]): Instant | null {
  const ends = nodes.map((node) => {
    const seen = view.nodes.get(node.id)
    return seen !== undefined && (seen.state === 'succeeded' || seen.state === 'adopted')
      ? seen.endedAt
      : null
  })
  if (ends.length === 0 || ends.includes(null)) return null
  return (
    ends
      .flatMap((end) => end ?? [])
      .toSorted()
      .at(-1) ?? null
  )
}
