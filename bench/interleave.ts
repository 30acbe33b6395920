import { spreadOf, type Spread } from './figures.ts'

export interface Rounds {
  rounds: number
  /** No further round is begun after this moment of `performance.now()`; the first always is. */
  until: number
  signal: AbortSignal
}

/**
 * Measures every side in turn, round by round, so that what else the machine does meets all of them alike; who begins
 * changes from round to round. Returns the complete rounds.
 */
export async function interleave<Side extends string, Sample>(
  sides: Record<Side, () => Promise<Sample>>,
  { rounds, until, signal }: Rounds,
): Promise<Record<Side, Sample>[]> {
  const names = Object.keys(sides) as Side[]
  const done: Record<Side, Sample>[] = []
  while (done.length < rounds && (done.length === 0 || performance.now() < until)) {
    const round: Partial<Record<Side, Sample>> = {}
    for (let turn = 0; turn < names.length; turn++) {
      signal.throwIfAborted()
      const name = names[(turn + done.length) % names.length] as Side
      round[name] = await sides[name]()
    }
    done.push(round as Record<Side, Sample>)
  }
  return done
}

export interface Comparison {
  pairs: number
  ours: Spread
  baseline: Spread
  /** ours − baseline, pair by pair. */
  difference: Spread
  /** ours ÷ baseline, pair by pair. */
  ratio: Spread
}

/** Compares pair by pair. Throws RangeError for no pairs. */
export function compare(pairs: readonly { ours: number; baseline: number }[]): Comparison {
  return {
    pairs: pairs.length,
    ours: spreadOf(pairs.map(({ ours }) => ours)),
    baseline: spreadOf(pairs.map(({ baseline }) => baseline)),
    difference: spreadOf(pairs.map(({ ours, baseline }) => ours - baseline)),
    ratio: spreadOf(pairs.map(({ ours, baseline }) => ours / baseline)),
  }
}
