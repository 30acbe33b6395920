/** What each side does in its own way: so many runs at once, each of so many durable steps that do nothing. */
export interface Work {
  runs: number
  steps: number
  /** `chain`: each step needs the one before it. `parallel`: none needs another. */
  order: 'chain' | 'parallel'
}

export interface Done {
  /** From the first request until the end of the last run is durable. */
  ms: number
  /** Milliseconds between the beginnings of a step and the next one; the last is until the end. */
  each: number[]
}

export function chain(steps: number, runs = 1): Work {
  return { runs, steps, order: 'chain' }
}

export function parallel(steps: number): Work {
  return { runs: 1, steps, order: 'parallel' }
}

/** From the moments when steps began, and the end. */
export function doneOf(began: number, moments: readonly number[], ended: number): Done {
  return { ms: ended - began, each: moments.map((moment, index) => (moments[index + 1] ?? ended) - moment) }
}
