import type { Pool } from 'pg'
import { messageOf } from '#model/errors.ts'
import type { Clock } from '#model/time.ts'
import { transaction, type Queryable } from '#platform/postgres/transaction.ts'

/** Any number of daemons may run a sequencer; this lock makes them one at a time. */
const lockKey = 0x6861_6574
const batch = 5_000
const withinMs = 10_000
export const ledgerChannel = 'haetae_ledger'

/**
 * Gives committed entries their place in the order, at most 5,000 in one transaction; returns how many.
 * An entry that was written after another one had committed comes behind it; entries of one transaction keep their
 * order. 0 also when another process is at it.
 */
export async function sequence(pool: Pool): Promise<number> {
  return transaction(pool, takePlaces, withinMs)
}

async function takePlaces(tx: Queryable): Promise<number> {
  const lock = await tx.query<{ got: boolean }>('SELECT pg_try_advisory_xact_lock($1) AS got', [lockKey])
  if (lock.rows[0]?.got !== true) return 0
  const { rowCount } = await tx.query(
    `WITH taken AS (
         DELETE FROM ledger_pending
         WHERE entry_id IN (SELECT entry_id FROM ledger_pending ORDER BY entry_id LIMIT $1)
         RETURNING entry_id
       )
       INSERT INTO ledger_sequence (seq, entry_id)
       SELECT (SELECT coalesce(max(seq), 0) FROM ledger_sequence) + row_number() OVER (ORDER BY entry_id), entry_id
       FROM taken`,
    [batch],
  )
  const count = rowCount ?? 0
  // Told once a batch and not by every writer: a NOTIFY makes commits wait for each other.
  if (count > 0) await tx.query(`NOTIFY ${ledgerChannel}`)
  return count
}

export interface SequencerOptions {
  pool: Pool
  clock: Clock
  /** Told when PostgreSQL did not answer; the next round tries again. */
  onTrouble: (why: string) => void
  /** Milliseconds between rounds; well under the second that is promised. */
  everyMs?: number
}

/** Sequences for as long as it is not stopped. */
export function startSequencer({ pool, clock, onTrouble, everyMs = 200 }: SequencerOptions): {
  stop(): Promise<void>
} {
  const stopped = new AbortController()
  const going = (async () => {
    while (!stopped.signal.aborted) {
      const count = await sequence(pool).catch((error: unknown) => {
        onTrouble(messageOf(error))
        return 0
      })
      if (count < batch) await clock.sleep(everyMs, stopped.signal).catch(() => {})
    }
  })()
  return {
    async stop() {
      stopped.abort()
      await going
    },
  }
}
