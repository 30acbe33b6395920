import type { Localized } from '#model/localized.ts'
import type { Change } from '#runbook/step-type.ts'
import type { Seen } from './looks.ts'
import type { PlanNode } from './plan.ts'

type Changes = Map<string, Change[]>
type Breath = () => Promise<void> | undefined

/** What was seen of each node of a plan. */
type AllSeen = ReadonlyMap<string, Pick<Seen, 'changes' | 'idle'>>

/** A change of a node, by its place in the node's list; null for a thing that is as the node wants it now. */
interface Place {
  node: string
  at: number | null
}

/**
 * The changes of nodes, one after another. What a step changes after another one changed the same thing is not what it
 * would change now: of all changes of one thing only the first is exact, and that only when every other step comes after
 * it in the graph. And what is as wanted now is changed too, behind a step that changes it. The thing is told by site and
 * target, which every step type names alike.
 */
export async function oneAfterAnother(
  nodes: readonly PlanNode[],
  seen: AllSeen,
  site: string,
  breath: Breath,
): Promise<Changes> {
  const changes: Changes = new Map()
  const places = new Map<string, Place[]>()
  const add = (target: string, at: string, place: Place) => {
    const key = `${at}\n${target}`
    const known = places.get(key)
    if (known === undefined) places.set(key, [place])
    else known.push(place)
  }
  for (const { id: node } of nodes) {
    const own = seen.get(node)
    if (own === undefined) continue
    changes.set(node, [...own.changes])
    own.changes.forEach((change, at) => add(change.target, change.site ?? site, { node, at }))
    for (const target of own.idle ?? []) add(target, site, { node, at: null })
    await breath()
  }
  const shared = [...places].filter(([, all]) => all.length > 1)
  if (shared.length === 0) return changes
  const order = await orderOf(nodes, breath)
  for (const [key, all] of shared) {
    orderThem(all, changes, order, key.slice(key.indexOf('\n') + 1), site)
    await breath()
  }
  return changes
}

function orderThem(
  all: readonly Place[],
  changes: Changes,
  order: Order,
  target: string,
  site: string,
): void {
  const [first, ...others] = all
    .filter((place): place is Place & { at: number } => place.at !== null)
    .toSorted((a, b) => order.depth(a.node) - order.depth(b.node) || a.at - b.at)
  if (first === undefined) return
  const steps = new Set(others.map(({ node }) => node).filter((node) => node !== first.node))
  const beside = order.notBehind(first.node, steps)
  if (beside !== undefined) predict(changes, first, mayChange(beside))
  const isBehind = (node: string) => order.notBehind(first.node, new Set([node])) === undefined
  for (const one of others)
    predict(changes, one, isBehind(one.node) ? changesBefore(first.node) : mayChange(first.node))
  for (const { node, at } of all) {
    if (at !== null || node === first.node || !isBehind(node)) continue
    changes.get(node)?.push({ certainty: 'predicted', site, target, why: changesAsWanted(first.node) })
  }
}

function predict(changes: Changes, { node, at }: { node: string; at: number }, why: Localized): void {
  const change = changes.get(node)?.[at]
  if (change?.certainty === 'exact')
    changes.get(node)?.splice(at, 1, { ...change, certainty: 'predicted', why })
}

function changesAsWanted(node: string): Localized {
  return {
    ko: `지금은 원하는 대로이나 ${node} 단계가 먼저 바꿈`,
    en: `it is as wanted now, and ${node} changes it before`,
  }
}

function changesBefore(node: string): Localized {
  return { ko: `${node} 단계가 먼저 바꿈`, en: `${node} changes it before` }
}

function mayChange(node: string): Localized {
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
