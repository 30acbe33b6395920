/**
 * Thrown when a target did not answer: refused, dropped, timed out, or aborted by the caller's signal.
 * Whether a request that was on its way took effect is not known.
 */
export class NoAnswer extends Error {
  readonly target: string
  /** What is known of why. */
  readonly reason: string
  constructor(target: string, cause: unknown) {
    const reason = causeText(cause)
    super(`${target} did not answer: ${reason}`, { cause })
    this.name = 'NoAnswer'
    this.target = target
    this.reason = reason
  }
}

/** Thrown when a target answered that a precondition of the request does not hold; nothing was changed there. */
export class Conflict extends Error {
  readonly target: string
  readonly why: string
  constructor(target: string, why: string) {
    super(`${target} refused: ${why}`)
    this.name = 'Conflict'
    this.target = target
    this.why = why
  }
}

/** A signal that aborts with `signal`, or after `ms` milliseconds, whichever is first. */
export function within(ms: number, signal: AbortSignal): AbortSignal {
  return AbortSignal.any([signal, AbortSignal.timeout(ms)])
}

/** What `work` gives, or the signal's reason as soon as it aborts: for work that notices an abort late (undici, while it connects). */
export async function orAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  signal.throwIfAborted()
  const aborted = Promise.withResolvers<never>()
  const onAbort = () => aborted.reject(signal.reason)
  signal.addEventListener('abort', onAbort)
  try {
    return await Promise.race([work, aborted.promise])
  } finally {
    signal.removeEventListener('abort', onAbort)
    work.catch(() => undefined)
  }
}

/** The innermost reason: undici and node:tls wrap the one that says something (ECONNREFUSED) in a bare one. */
function causeText(cause: unknown): string {
  let last = cause
  for (let depth = 0; depth < 5 && last instanceof Error && last.cause !== undefined; depth++)
    last = last.cause
  if (!(last instanceof Error)) return String(last)
  return last.message || ('code' in last ? String(last.code) : last.name)
}
