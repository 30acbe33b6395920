import type { Localized } from '#model/localized.ts'
import { createBreath } from '#platform/breath.ts'
import type { Change } from '#runbook/step-type.ts'
import { createLooks, inTime, outOfTime, siteOf, type Observation, type Seen } from './looks.ts'
import { looks } from './observe.ts'
import { oneAfterAnother } from './one-after-another.ts'
import { runsOf } from './part.ts'
import type { ChangeCounts, FleetChanges, Plan, PlanNode } from './plan.ts'

/** Makes the plans of some systems of a fleet as they are now. */
export type PartsOf = (nodes: readonly PlanNode[]) => Promise<Plan[]>

/** Systems whose plans are made at once: little enough that taking them over holds nobody up. */
const systemsAtOnce = 32
/** Steps that one plan looks at, at most. */
const stepsAtMost = 12_000
const such = 5

/**
 * Looks at every step of a fleet's systems as if each were planned alone, and counts what would change. What the time,
 * or the number of steps, does not suffice for is said, and what would be planned otherwise than it was a moment ago.
 */
export async function observeFleet(
  plan: Plan,
  partsOf: PartsOf,
  observation: Observation,
): Promise<FleetChanges> {
  const runs = runsOf(plan.subject.nodes)
  const count = new Count(runs, observation.site)
  await inTime(observation, async (over) => {
    const look = createLooks(observation, over)
    const isOver = new Promise<'over'>((resolve) => over.addEventListener('abort', () => resolve('over')))
    const looking: Promise<void>[] = []
    for (let from = 0; from < runs.length; from += systemsAtOnce) {
      const chunk = runs.slice(from, from + systemsAtOnce)
      if (count.steps > stepsAtMost) {
        count.leave(chunk, tooMany)
        continue
      }
      const parts = over.aborted ? 'over' : await Promise.race([partsOf(chunk).catch(noPlans), isOver])
      if (parts === 'over') count.leave(chunk, outOfTime)
      else looking.push(count.add(chunk, parts, look))
    }
    await Promise.all(looking)
  })
  return count.result()
}

/** A system that cannot be planned any more is said by the run itself, when its turn comes. */
function noPlans(): Plan[] {
  return []
}

class Count {
  /** The systems, with their places in the order. */
  readonly #order: ReadonlyMap<string, number>
  readonly #site: string
  readonly #breath = createBreath()
  readonly #kinds = new Map<string, { site: string; type: string } & ChangeCounts>()
  readonly #systems = new Map<string, ChangeCounts>()
  readonly #left = new Map<Localized, string[]>()
  steps = 0

  constructor(runs: readonly PlanNode[], site: string) {
    this.#order = new Map(runs.map(({ id }, at) => [id, at]))
    this.#site = site
  }

  leave(runs: readonly PlanNode[], why: Localized): void {
    this.#left.set(why, [...(this.#left.get(why) ?? []), ...runs.map(({ id }) => id)])
  }

  /** Looks at systems, and counts what is seen of those whose plan is what people sign. */
  async add(
    runs: readonly PlanNode[],
    parts: readonly Plan[],
    look: (nodes: readonly PlanNode[]) => Promise<Map<string, Seen>>,
  ): Promise<void> {
    const signed = new Map(runs.map((run) => [run.waitFor?.kind === 'run' ? run.waitFor.digest : '', run]))
    const same = parts.filter(({ digest }) => signed.delete(digest))
    if (signed.size > 0) this.leave([...signed.values()], otherwise)
    const all = same.flatMap(({ subject }) => subject.nodes)
    const nodes = all.filter(looks)
    this.steps += nodes.length
    const seen = await look(nodes)
    const changes = await oneAfterAnother(all, seen, this.#site, this.#breath)
    for (const node of nodes) {
      this.#count(node, changes.get(node.id) ?? [], seen.get(node.id)?.late === true)
      await this.#breath()
    }
    const late = same.filter(({ subject }) => subject.nodes.some(({ id }) => seen.get(id)?.late === true))
    const systems = new Set(late.flatMap(({ systems: [one] }) => one?.system ?? []))
    if (systems.size > 0)
      this.leave(
        runs.filter(({ system }) => systems.has(system ?? '')),
        outOfTime,
      )
  }

  #count(node: PlanNode, changes: readonly Change[], late: boolean): void {
    const system = known(this.#systems, node.system ?? '', noCounts)
    const kindOf = (site: string) =>
      known(this.#kinds, `${site}\n${node.type}`, () => ({ site, type: node.type, ...noCounts() }))
    if (late) {
      kindOf(siteOf(node) ?? this.#site).notLooked += 1
      system.notLooked += 1
      return
    }
    for (const { certainty, refused, site } of changes) {
      for (const counts of [system, kindOf(site ?? this.#site)]) {
        counts[certainty] += 1
        if (refused !== undefined) counts.refused += 1
      }
    }
  }

  result(): FleetChanges {
    const place = (system: string) => this.#order.get(system) ?? 0
    const left = [...this.#left].map(([why, systems]) => {
      const first = systems.toSorted((a, b) => place(a) - place(b)).slice(0, such)
      return { why, systems: systems.length, such: first }
    })
    const all = this.#order.size
    const not = left.reduce((sum, { systems }) => sum + systems, 0)
    const kinds = [...this.#kinds.values()].toSorted(
      (a, b) => a.site.localeCompare(b.site, 'en') || a.type.localeCompare(b.type, 'en'),
    )
    return {
      systems: { all, looked: all - not },
      kinds,
      bySystem: Object.fromEntries(this.#systems),
      left,
    }
  }
}

function known<T>(all: Map<string, T>, key: string, make: () => T): T {
  const found = all.get(key) ?? make()
  all.set(key, found)
  return found
}

function noCounts(): ChangeCounts {
  return { exact: 0, predicted: 0, opaque: 0, refused: 0, notLooked: 0 }
}

const tooMany: Localized = {
  ko: `계획 한 번에 ${stepsAtMost}단계까지만 확인함`,
  en: `one plan looks at ${stepsAtMost} steps at most`,
}
const otherwise: Localized = {
  ko: '계획을 다시 만들지 못했거나 방금과 다름',
  en: 'their plans could not be made again, or would be other ones by now',
}
