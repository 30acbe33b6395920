import type { Pool } from 'pg'
import { appendToLedger } from '#ledger/ledger.ts'
import { instant, type Clock } from '#model/time.ts'
import { transaction } from '#platform/postgres/transaction.ts'
import { rulesInForce, type ApprovalPolicy } from './policy.ts'

/** Puts the rules in force into the ledger when they are others than before: decisions name them by digest. */
export function recordPolicy(pool: Pool, policy: ApprovalPolicy, clock: Pick<Clock, 'now'>): Promise<void> {
  return transaction(pool, async (tx) => {
    const { rows } = await tx.query<{ digest: string }>(
      `SELECT entry::jsonb->'data'->>'digest' AS digest FROM ledger_entry
        WHERE kind = 'policy.in-force' ORDER BY id DESC LIMIT 1`,
    )
    if (rows[0]?.digest === policy.digest) return
    await appendToLedger(tx, {
      kind: 'policy.in-force',
      actor: 'haetae',
      subject: 'policy/approvals',
      at: instant(clock.now()),
      data: {
        digest: policy.digest,
        rules: policy.rules.map((rule) => ({ ...rule })),
        inForce: rulesInForce(policy).map((rule) => ({ ...rule })),
      },
    })
  })
}
