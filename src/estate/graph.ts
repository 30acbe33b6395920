import type { System } from './estate.ts'

/** Who needs whom. `hard`: cannot serve without; `soft`: serves with less. Ids that are not registered are left out. */
export interface EstateGraph {
  readonly systems: ReadonlyMap<string, System>
  readonly hard: Edges
  readonly soft: Edges
  /** The same edges from the other end: who cannot serve without it, who serves with less. */
  readonly neededBy: Edges
  readonly wantedBy: Edges
}
export type Edges = ReadonlyMap<string, readonly string[]>

/** The dependency graph of registered systems. Cost grows with systems plus dependencies. */
export function buildGraph(systems: readonly System[]): EstateGraph {
  const byId = new Map(systems.map((system) => [system.id, system]))
  const edges = (kind: 'hard' | 'soft') =>
    new Map(systems.map(({ id, dependsOn }) => [id, dependsOn[kind].filter((other) => byId.has(other))]))
  const hard = edges('hard')
  const soft = edges('soft')
  return { systems: byId, hard, soft, neededBy: reversed(hard), wantedBy: reversed(soft) }
}

function reversed(edges: Edges): Edges {
  const back = new Map<string, string[]>()
  for (const [from, tos] of edges) {
    for (const to of tos) {
      const list = back.get(to)
      if (list === undefined) back.set(to, [from])
      else list.push(from)
    }
  }
  return back
}

/** Everything reachable from `start` over `edges`, without `start` itself, nearest first. */
export function reachable(edges: Edges, start: string): string[] {
  const seen = new Set([start])
  for (const id of seen) for (const next of edges.get(id) ?? []) seen.add(next)
  seen.delete(start)
  return [...seen]
}

/** Who is hit when a system is gone: `down` cannot serve, directly or through others; `limited` serve with less. */
export function impactOf(graph: EstateGraph, id: string): { down: string[]; limited: string[] } {
  const down = reachable(graph.neededBy, id)
  const gone = new Set([id, ...down])
  const limited = new Set(
    [...gone].flatMap((other) => graph.wantedBy.get(other) ?? []).filter((other) => !gone.has(other)),
  )
  return { down, limited: [...limited] }
}

/**
 * One cycle for each knot of systems that need one another, as a path that ends where it began
 * (`['A', 'B', 'A']`). A knot with several cycles shows its shortest one through its first id.
 */
export function cyclesOf(edges: Edges): string[][] {
  return components(edges)
    .filter((knot) => knot.length > 1 || edges.get(knot[0] ?? '')?.includes(knot[0] ?? ''))
    .map((knot) => shortestCycle(edges, new Set(knot), knot.toSorted()[0] ?? ''))
    .toSorted((a, b) => (a[0] ?? '').localeCompare(b[0] ?? ''))
}

function shortestCycle(edges: Edges, knot: ReadonlySet<string>, start: string): string[] {
  const cameFrom = new Map<string, string>()
  const queue = [start]
  for (const id of queue) {
    for (const next of edges.get(id) ?? []) {
      if (next === start) return [...pathBack(cameFrom, id), start]
      if (!knot.has(next) || cameFrom.has(next)) continue
      cameFrom.set(next, id)
      queue.push(next)
    }
  }
  return [start]
}

function pathBack(cameFrom: ReadonlyMap<string, string>, end: string): string[] {
  const path = [end]
  for (let at = cameFrom.get(end); at !== undefined; at = cameFrom.get(at)) path.unshift(at)
  return path
}

/** Strongly connected components by Tarjan, without recursion: an estate may be one long chain. */
function components(edges: Edges): string[][] {
  const index = new Map<string, number>()
  const low = new Map<string, number>()
  const open: string[] = []
  const isOpen = new Set<string>()
  const found: string[][] = []
  const enter = (id: string) => {
    index.set(id, index.size)
    low.set(id, index.size - 1)
    open.push(id)
    isOpen.add(id)
    return { id, next: 0 }
  }
  const lower = (id: string, value: number | undefined) => low.set(id, Math.min(low.get(id) ?? 0, value ?? 0))
  for (const root of edges.keys()) {
    if (index.has(root)) continue
    const stack = [enter(root)]
    for (let frame = stack.at(-1); frame !== undefined; frame = stack.at(-1)) {
      const next = edges.get(frame.id)?.[frame.next++]
      if (next !== undefined) {
        if (!index.has(next)) stack.push(enter(next))
        else if (isOpen.has(next)) lower(frame.id, index.get(next))
        continue
      }
      stack.pop()
      const parent = stack.at(-1)
      if (parent !== undefined) lower(parent.id, low.get(frame.id))
      if (low.get(frame.id) === index.get(frame.id)) {
        const knot = open.splice(open.indexOf(frame.id))
        for (const id of knot) isOpen.delete(id)
        found.push(knot)
      }
    }
  }
  return found
}
