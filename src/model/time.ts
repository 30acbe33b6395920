/**
 * Where the time comes from. The engine, the monitor and everything that decides by time takes one of these,
 * so that the simulation can own time.
 */
export interface Clock {
  /** Milliseconds since the epoch, UTC. */
  now(): number
  /** Resolves after `ms` milliseconds; rejects with the signal's reason when it aborts first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

/** An instant as RFC 3339 UTC text with milliseconds: the form in the database, the ledger and the API. */
export type Instant = string

/** Milliseconds since the epoch as RFC 3339 UTC text. */
export function instant(ms: number): Instant {
  return new Date(ms).toISOString()
}

const unitMs = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const

/** Milliseconds of a duration such as `500ms`, `30s`, `10m`, `1h`, `21d`; undefined when it is none. */
export function parseDuration(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text)
  return match === null ? undefined : Number(match[1]) * unitMs[match[2] as keyof typeof unitMs]
}
