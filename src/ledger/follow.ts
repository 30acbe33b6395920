import type { Pool, PoolClient } from 'pg'
import type { Clock } from '#model/time.ts'
import { readLedger, type SequencedEntry } from './ledger.ts'
import { ledgerChannel } from './sequencer.ts'

export interface FollowOptions {
  pool: Pool
  clock: Clock
  /** The first entry wanted. */
  fromSeq: number
  signal: AbortSignal
  /** How often to look although nothing was notified: a lost connection loses notifications. */
  everyMs?: number
}

const page = 500

/**
 * Yields entries in order, without end, until the signal aborts: woken by LISTEN/NOTIFY, and by looking now and then.
 * Trouble with PostgreSQL is waited out. Holds one connection of the pool.
 */
export async function* followLedger(options: FollowOptions): AsyncGenerator<SequencedEntry> {
  const { pool, clock, signal, everyMs = 1_000 } = options
  const ear = new Ear(pool)
  let next = options.fromSeq
  try {
    while (!signal.aborted) {
      await ear.open()
      const heard = ear.heard()
      const entries = await readLedger(pool, next, page).catch(() => [])
      for (const entry of entries) {
        if (signal.aborted) return
        next = entry.seq + 1
        yield entry
      }
      if (entries.length === page) continue
      const timer = new AbortController()
      const late = clock.sleep(everyMs, AbortSignal.any([signal, timer.signal])).catch(() => {})
      await Promise.race([heard, late])
      timer.abort()
    }
  } finally {
    ear.close()
  }
}

/** A connection that listens; opened again after it broke. */
class Ear {
  readonly #pool: Pool
  #client: PoolClient | undefined
  #next = Promise.withResolvers<void>()

  constructor(pool: Pool) {
    this.#pool = pool
  }

  /** Resolves at the next notification after this call. */
  heard(): Promise<void> {
    return this.#next.promise
  }

  async open(): Promise<void> {
    if (this.#client !== undefined) return
    const client = await this.#pool.connect().catch(() => undefined)
    if (client === undefined) return
    this.#client = client
    client.on('notification', this.#ring)
    client.on('error', this.#broken)
    await client.query(`LISTEN ${ledgerChannel}`).catch(this.#broken)
  }

  readonly #ring = () => {
    this.#next.resolve()
    this.#next = Promise.withResolvers()
  }

  readonly #broken = () => {
    this.close()
    this.#ring()
  }

  /** The connection is not used again: it still listens. */
  close(): void {
    const client = this.#client
    this.#client = undefined
    client?.off('notification', this.#ring)
    client?.release(true)
  }
}
