import type { Pool } from 'pg'
import { appendToLedger } from '#ledger/ledger.ts'
import { instant, type Clock } from '#model/time.ts'
import type { RecordAccess } from '#people/sessions.ts'
import { transaction } from '#platform/postgres/transaction.ts'

/** Writes sign-ins and refusals to the ledger. Throws when PostgreSQL does: a sign-in that cannot be recorded fails. */
export function accessRecorder(pool: Pool, clock: Pick<Clock, 'now'>): RecordAccess {
  return ({ kind, actor, subject, detail }) =>
    transaction(pool, (tx) =>
      appendToLedger(tx, { kind, actor, subject, at: instant(clock.now()), data: detail }),
    )
}
