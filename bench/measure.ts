import { compare, interleave, type Comparison } from './interleave.ts'
import type { Side } from './sides.ts'
import type { Done, Work } from './work.ts'

/** How much is measured. */
export interface Extent {
  /** Most rounds of each part. */
  rounds: number
  stepsInARow: number
  runsAtOnce: number
  stepsOfEach: number
  /** Of graphs; the last is left out where it would take longer than `mostMs`. */
  sizes: number[]
  /** Most that the work of one side in one round may take. */
  mostMs: number
  /** How long each part goes on with beginning rounds. */
  budgetMs: { sequential: number; atOnce: number; graph: number }
}

/** By the name of what Haetae is measured beside. */
export type Beside = Record<string, Comparison>

export interface Sample extends Done {
  syncs: number
}

/** What there is to measure with. */
export interface Bench {
  extent: Extent
  sides: [Side, ...Side[]]
  measure(side: Side, work: Work): Promise<Sample>
  signal: AbortSignal
  say: (line: string) => void
}

/** Rounds of the same work on all sides, in turns. */
export function rounds(bench: Bench, work: Work, withinMs: number): Promise<Record<string, Sample>[]> {
  const turns = bench.sides.map((side) => [side.name, () => bench.measure(side, work)] as const)
  return interleave(Object.fromEntries(turns), {
    rounds: bench.extent.rounds,
    until: performance.now() + withinMs,
    signal: bench.signal,
  })
}

/** The first side beside each other one, by a figure of each sample. */
export function beside(
  bench: Bench,
  samples: readonly Record<string, Sample>[],
  figure: (sample: Sample) => number,
): Beside {
  const [ours, ...others] = bench.sides.map(({ name }) => name)
  const of = (round: Record<string, Sample>, name: string | undefined) => {
    const sample = name === undefined ? undefined : round[name]
    if (sample === undefined) throw new Error(`${name} was not measured`)
    return figure(sample)
  }
  return Object.fromEntries(
    others.map((name) => [
      name,
      compare(samples.map((round) => ({ ours: of(round, ours), baseline: of(round, name) }))),
    ]),
  )
}

/** As each store counted itself, over all samples. */
export function syncsPerStep({ sides }: Bench, samples: readonly Record<string, Sample>[], steps: number) {
  return Object.fromEntries(
    sides.map(({ name }) => {
      const syncs = samples.reduce((sum, round) => sum + (round[name]?.syncs ?? 0), 0)
      return [name, syncs / (steps * samples.length)]
    }),
  )
}
