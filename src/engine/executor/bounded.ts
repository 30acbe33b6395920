import type { Clock } from '#model/time.ts'

/** How a piece of work ended, or that it was not waited for any longer. */
export type Bounded<T> =
  { kind: 'value'; value: T } | { kind: 'error'; error: unknown } | { kind: 'deadline' } | { kind: 'stopped' }

/**
 * Runs `work` for at most `ms`, or until `outer` aborts, whichever is first; its signal aborts then.
 * Work that ignores the signal is left to itself: a late result is dropped, never waited for.
 */
export async function bounded<T>(
  clock: Clock,
  ms: number,
  outer: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<Bounded<T>> {
  if (outer.aborted) return { kind: 'stopped' }
  const inner = new AbortController()
  const timer = new AbortController()
  let onStop = () => {}
  const stopped = new Promise<Bounded<T>>((resolve) => {
    onStop = () => resolve({ kind: 'stopped' })
    outer.addEventListener('abort', onStop, { once: true })
  })
  const ended = (async () => work(inner.signal))().then(
    (value): Bounded<T> => ({ kind: 'value', value }),
    (error: unknown): Bounded<T> => ({ kind: 'error', error }),
  )
  const late = clock.sleep(ms, timer.signal).then(
    (): Bounded<T> => ({ kind: 'deadline' }),
    (): Bounded<T> => ({ kind: 'stopped' }),
  )
  try {
    const first = await Promise.race([ended, late, stopped])
    if (first.kind === 'deadline') inner.abort(new Error(`no answer within ${ms} ms`))
    if (first.kind === 'stopped') inner.abort(outer.reason)
    return first
  } finally {
    outer.removeEventListener('abort', onStop)
    timer.abort()
  }
}
