import type { Change } from '#runbook/step-type.ts'
import type { PlanNode } from './plan.ts'

type Changes = Map<string, Change[]>
type Breath = () => Promise<void> | undefined

/** A change of a node, by its place in the node's list. */
interface Place {
  node: string
  at: number
}

/**
 * What a step changes after another one changed the same thing is not what it would change now: of all changes of one
 * thing only the first is exact, and that only when every other step comes after it in the graph. The thing is told by
 * site and target, which every step type names alike. Replaces such changes in place.
 */
export async function asOneAfterAnother(
  nodes: readonly PlanNode[],
  changes: Changes,
  site: string,
  breath: Breath,
): Promise<void> {
  const places = new Map<string, Place[]>()
  for (const { id: node } of nodes) {
    changes.get(node)?.forEach((change, at) => {
      const key = `${change.site ?? site}\n${change.target}`
      const known = places.get(key)
      if (known === undefined) places.set(key, [{ node, at }])
      else known.push({ node, at })
    })
    await breath()
  }
  const shared = [...places.values()].filter((all) => all.length > 1)
  if (shared.length === 0) return
  const order = await orderOf(nodes, breath)
  for (const all of shared) {
    orderThem(all, changes, order)
    await breath()
  }
}

function orderThem(all: readonly Place[], changes: Changes, order: Order): void {
  const [first, ...others] = all.toSorted((a, b) => order.depth(a.node) - order.depth(b.node) || a.at - b.at)
  if (first === undefined) return
  const steps = new Set(others.map(({ node }) => node).filter((node) => node !== first.node))
  const beside = order.notBehind(first.node, steps)
  if (beside !== undefined) predict(changes, first, mayChange(beside))
  for (const one of others) predict(changes, one, changesBefore(first.node))
}

function predict(changes: Changes, { node, at }: Place, why: Change['why'] & object): void {
  const change = changes.get(node)?.[at]
  if (change?.certainty === 'exact')
    changes.get(node)?.splice(at, 1, { ...change, certainty: 'predicted', why })
}

function changesBefore(node: string) {
  return { ko: `${node} 단계가 먼저 바꿈`, en: `${node} changes it before` }
}

function mayChange(node: string) {
  return { ko: `${node} 단계가 먼저 바꿀 수 있음`, en: `${node} may change it before` }
}

interface Order {
  /** How many steps stand before a node, on the longest way. */
  depth(node: string): number
  /** One of these that does not come after `first`; undefined when they all do. */
  notBehind(first: string, others: ReadonlySet<string>): string | undefined
}

async function orderOf(nodes: readonly PlanNode[], breath: Breath): Promise<Order> {
  const dependents = new Map<string, string[]>(nodes.map(({ id }) => [id, []]))
  const missing = new Map<string, number>()
  for (const { id, needs, after = [] } of nodes) {
    const before = [...new Set([...needs, ...after])].filter((other) => dependents.has(other))
    for (const other of before) dependents.get(other)?.push(id)
    missing.set(id, before.length)
    await breath()
  }
  const depths = new Map<string, number>()
  const free = nodes.flatMap(({ id }) => (missing.get(id) === 0 ? [id] : []))
  for (const id of free) {
    depths.set(id, depths.get(id) ?? 0)
    for (const next of dependents.get(id) ?? []) {
      depths.set(next, Math.max(depths.get(next) ?? 0, (depths.get(id) ?? 0) + 1))
      const left = (missing.get(next) ?? 0) - 1
      missing.set(next, left)
      if (left === 0) free.push(next)
    }
    await breath()
  }
  const depth = (node: string) => depths.get(node) ?? 0
  return {
    depth,
    notBehind(first, others) {
      const left = new Set(others)
      const deepest = Math.max(...[...others].map(depth))
      const work = [first]
      const seen = new Set(work)
      for (const id of work) {
        left.delete(id)
        if (left.size === 0) return undefined
        for (const next of dependents.get(id) ?? []) {
          if (seen.has(next) || depth(next) > deepest) continue
          seen.add(next)
          work.push(next)
        }
      }
      const [one] = left
      return one
    },
  }
}
