import type { DurationForecast, PlanNode } from './plan.ts'

/** How long steps of a type took in earlier runs. */
export type Measured = ReadonlyMap<string, { ms: number; steps: number; runs: number }>

/**
 * How long the steps of a plan take from when people have decided: by its graph, with what steps of the same type took
 * before, else with the limit of one try. Never shorter than all the work divided by `atOnce`. Pure; linear in the graph.
 */
export function durationOf(nodes: readonly PlanNode[], measured: Measured, atOnce: number): DurationForecast {
  return forecastFrom(nodes, endsOf(nodes, measured), measured, atOnce)
}

/** What follows from when each node ends. */
export function forecastFrom(
  nodes: readonly PlanNode[],
  ends: Ends,
  measured: Measured,
  atOnce: number,
): DurationForecast {
  const last = latestOf(
    nodes.map(({ id }) => id),
    ends,
  )
  const work = nodes.reduce((sum, node) => sum + ownMs(node, measured), 0)
  const types = new Set(nodes.filter(acts).map(({ type }) => type))
  const systems: Record<string, number> = {}
  for (const { id, system } of nodes)
    if (system !== null) systems[system] = Math.max(systems[system] ?? 0, endOf(ends, id))
  return {
    ms: Math.round(Math.max(endOf(ends, last), work / atOnce)),
    criticalPath: pathTo(last, ends),
    systems,
    measured: Object.fromEntries([...measured].filter(([type]) => types.has(type))),
    fromLimits: [...types].filter((type) => !measured.has(type)).toSorted(),
  }
}

export interface End {
  ms: number
  /** The node that was waited for longest; undefined at the beginning. */
  after: string | undefined
}
export type Ends = ReadonlyMap<string, End>

/**
 * When each node ends, none begun before `from`. Nodes come after those that they wait for, whatever their order in the
 * plan. Adds to `ends`, and leaves what is in it.
 */
export function endsOf(
  nodes: readonly PlanNode[],
  measured: Measured,
  ends = new Map<string, End>(),
  from: End = { ms: 0, after: undefined },
): Map<string, End> {
  const byId = new Map(nodes.map((node) => [node.id, node]))
  const open = nodes.toReversed()
  for (let node = open.at(-1); node !== undefined; node = open.at(-1)) {
    const before = [...node.needs, ...(node.after ?? [])]
    const missing = ends.has(node.id) ? [] : before.filter((id) => !ends.has(id) && byId.has(id))
    if (missing.length > 0) {
      open.push(...missing.flatMap((id) => byId.get(id) ?? []))
      continue
    }
    open.pop()
    if (ends.has(node.id)) continue
    const after = latestOf(before, ends)
    const begin =
      after !== undefined && endOf(ends, after) >= from.ms ? { ms: endOf(ends, after), after } : from
    ends.set(node.id, { ms: begin.ms + ownMs(node, measured), after: begin.after })
  }
  return ends
}

/** The one that ends last. */
export function latestOf(ids: readonly string[], ends: Ends): string | undefined {
  return ids.reduce<string | undefined>(
    (latest, id) => (latest === undefined || endOf(ends, id) > endOf(ends, latest) ? id : latest),
    undefined,
  )
}

export function endOf(ends: Ends, id: string | undefined): number {
  return id === undefined ? 0 : (ends.get(id)?.ms ?? 0)
}

function pathTo(last: string | undefined, ends: Ends): string[] {
  const path: string[] = []
  for (let id = last; id !== undefined; id = ends.get(id)?.after) path.push(id)
  return path.toReversed()
}

function acts({ gate, waitFor }: PlanNode): boolean {
  return gate === null && waitFor === undefined
}

/** Nobody knows how long people take to decide: that counts as no time. */
function ownMs(node: PlanNode, measured: Measured): number {
  if (node.waitFor?.kind === 'time') return node.waitFor.ms
  if (!acts(node)) return 0
  return measured.get(node.type)?.ms ?? node.limits.attemptMs
}
