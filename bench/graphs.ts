import { growthExponent } from './figures.ts'
import { beside, rounds, type Bench, type Beside } from './measure.ts'
import { parallel } from './work.ts'

/** Of steps that need none of the others. */
export interface Graph {
  size: number
  /** Milliseconds of the whole. */
  total: Beside
}

/** How the time grows with the size: over all sizes, and between each size and the one before. */
export interface Exponent {
  all: number
  each: number[]
}

/** The largest graph is left out, with the reason, where it would take or takes too long on one of the sides. */
export async function measureGraphs(bench: Bench): Promise<{ graphs: Graph[]; leftOut: string[] }> {
  const { sizes, mostMs, budgetMs } = bench.extent
  const graphs: Graph[] = []
  const leftOut: string[] = []
  for (const size of sizes) {
    const slow = graphs.length < 2 ? [] : tooSlow(graphs, size, mostMs)
    leftOut.push(...slow.map(({ name, ms }) => `${size} steps on ${name}: about ${Math.round(ms / 1_000)} s`))
    const [ours, ...others] = bench.sides.filter(({ name }) => !slow.some((each) => each.name === name))
    if (ours?.name !== bench.sides[0].name || others.length === 0) break
    try {
      graphs.push(await measureGraph({ ...bench, sides: [ours, ...others] }, size, budgetMs.graph))
    } catch (error) {
      if (!(error instanceof DOMException) || error.name !== 'TimeoutError') throw error
      // What was begun goes on: nothing more can be measured.
      leftOut.push(`${size} steps were not done within ${mostMs / 1_000} s`)
      break
    }
  }
  return { graphs, leftOut }
}

async function measureGraph(bench: Bench, size: number, withinMs: number): Promise<Graph> {
  bench.say(`${bench.extent.rounds} × ${size} steps that need none of the others, on each side in turn`)
  const samples = await rounds(bench, parallel(size), withinMs)
  return { size, total: beside(bench, samples, ({ ms }) => ms) }
}

/** Sides that would take longer than `mostMs`, judged by how their time grew between the last two sizes. */
export function tooSlow(
  graphs: readonly Graph[],
  size: number,
  mostMs: number,
): { name: string; ms: number }[] {
  return Object.entries(pointsBySide(graphs.slice(-2))).flatMap(([name, points]) => {
    const last = points.at(-1)
    if (last === undefined || points.length < 2) return []
    const ms = last.cost * (size / last.size) ** Math.max(1, growthExponent(points))
    return ms > mostMs ? [{ name, ms }] : []
  })
}

export function exponentsOf(graphs: readonly Graph[]): Record<string, Exponent> {
  return Object.fromEntries(
    Object.entries(pointsBySide(graphs))
      .filter(([, points]) => points.length > 1)
      .map(([name, points]) => {
        const each = points.slice(1).map((_, index) => growthExponent(points.slice(index, index + 2)))
        return [name, { all: growthExponent(points), each }]
      }),
  )
}

function pointsBySide(graphs: readonly Graph[]) {
  const sides: Record<string, { size: number; cost: number }[]> = { Haetae: [] }
  for (const { size, total } of graphs) {
    const [first] = Object.values(total)
    if (first !== undefined) sides['Haetae']?.push({ size, cost: first.ours.median })
    for (const [name, { baseline }] of Object.entries(total)) {
      ;(sides[name] ??= []).push({ size, cost: baseline.median })
    }
  }
  return sides
}
