import type { Pool } from 'pg'
import type { RecordBackup } from '#backup/backup.ts'
import type { RecordFinding } from '#finding/finding.ts'
import { appendToLedger } from '#ledger/ledger.ts'
import type { Json } from '#model/digest.ts'
import { instant, type Clock } from '#model/time.ts'
import type { RecordAccess } from '#people/sessions.ts'
import { transaction } from '#platform/postgres/transaction.ts'

/** How each room's events become entries of the ledger, in the transaction of what they record. */
export interface LedgerPorts {
  finding: RecordFinding
  backup: RecordBackup
  access: RecordAccess
}

export function ledgerPorts(pool: Pool, clock: Clock): LedgerPorts {
  return {
    finding: (tx, { kind, rule, subject, actor, at, detail }) =>
      appendToLedger(tx, { kind, subject: `finding/${rule}/${subject}`, actor, at, data: json(detail) }),
    backup: (tx, { kind, system, actor, at, detail }) =>
      appendToLedger(tx, { kind, subject: `system/${system}`, actor, at, data: json(detail) }),
    access: ({ kind, subject, actor, detail }) =>
      transaction(pool, (tx) =>
        appendToLedger(tx, { kind, subject, actor, at: instant(clock.now()), data: detail }),
      ),
  }
}

/** Drops what JSON cannot carry (undefined), which the ledger refuses. */
function json(value: unknown): Json {
  return JSON.parse(JSON.stringify(value)) as Json
}
