/** Longest that work on the event loop goes on without letting others have a turn, milliseconds. */
const turnMs = 8

/**
 * Makes a function to await between the pieces of a long work: it lets the event loop have a turn when the last was
 * some milliseconds ago, and costs next to nothing otherwise. Terms are renewed and requests answered meanwhile.
 */
export function createBreath(): () => Promise<void> | undefined {
  let since = performance.now()
  return () => {
    if (performance.now() - since < turnMs) return undefined
    return new Promise((resolve) =>
      setImmediate(() => {
        since = performance.now()
        resolve()
      }),
    )
  }
}
