import { appendToLedger } from '#ledger/ledger.ts'
import type { Json } from '#model/digest.ts'
import type { Localized } from '#model/localized.ts'
import { instant } from '#model/time.ts'
import type { SchemaChange } from '#platform/postgres/migrate.ts'
import type { Queryable } from '#platform/postgres/transaction.ts'
import type { GatePurpose } from './statement.ts'

/** Why signatures stop counting: only these two do it, never a mere change of what was observed. */
export interface Voiding {
  kind: 'action-changed' | 'assumption-broken'
  /** The system that it is about; null: the run as a whole, with what people attested. */
  system: string | null
  why: Localized
  facts: { [key: string]: Json }
}

/** A voiding on record. */
export interface RecordedVoiding extends Voiding {
  /** Milliseconds since the epoch. */
  at: number
}

export const voidingSchema: SchemaChange[] = [
  {
    name: '042-approval-voiding',
    sql: `
      ALTER TABLE approval_statement ADD COLUMN voided_ko text;
      CREATE TABLE approval_voiding (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        run_id text NOT NULL,
        kind text NOT NULL CHECK (kind IN ('action-changed', 'assumption-broken')),
        system text,
        why jsonb NOT NULL,
        facts jsonb NOT NULL,
        at timestamptz NOT NULL
      );
      CREATE INDEX approval_voiding_run ON approval_voiding (run_id, id);
    `,
  },
]

/** Purposes that a voiding concerns: what people attested of a site says nothing of one system's data. */
export function voidedPurposes({ system }: Pick<Voiding, 'system'>): GatePurpose[] {
  return system === null ? ['approve', 'break-glass', 'attest'] : ['approve', 'break-glass']
}

/**
 * Voids what people signed at the gates of a run, with why, in the ledger too. Returns who had signed; where nobody had,
 * nothing is voided and nothing recorded. The caller holds the run's statements (`lockStatements`).
 */
export async function recordVoiding(
  tx: Queryable,
  run: string,
  voiding: Voiding,
  now: number,
): Promise<string[]> {
  const { kind, system, why, facts } = voiding
  const at = new Date(now)
  const { rows } = await tx.query<{ id: string; principal: string }>(
    `UPDATE approval_statement SET voided_at = $3, voided_why = $4, voided_ko = $5
      WHERE run_id = $1 AND purpose = ANY($2) AND voided_at IS NULL RETURNING id::text, principal`,
    [run, voidedPurposes(voiding), at, why.en, why.ko],
  )
  if (rows.length === 0) return []
  await tx.query(
    'INSERT INTO approval_voiding (run_id, kind, system, why, facts, at) VALUES ($1, $2, $3, $4, $5, $6)',
    [run, kind, system, JSON.stringify(why), JSON.stringify(facts), at],
  )
  const people = [...new Set(rows.map(({ principal }) => principal))].toSorted()
  await appendToLedger(tx, {
    kind: 'approval.voided',
    actor: 'haetae',
    subject: `run/${run}`,
    at: instant(now),
    data: { kind, system, why: { ...why }, facts, people, statements: rows.map(({ id }) => id) },
  })
  return people
}

/** The newest voiding that concerns a system of a run (null: any); undefined when there is none. */
export async function newestVoiding(
  db: Queryable,
  run: string,
  system: string | null,
): Promise<RecordedVoiding | undefined> {
  const { rows } = await db.query<Voiding & { at: Date }>(
    `SELECT kind, system, why, facts, at FROM approval_voiding
      WHERE run_id = $1 AND ($2::text IS NULL OR system IS NULL OR system = $2) ORDER BY id DESC LIMIT 1`,
    [run, system],
  )
  const [row] = rows
  return row === undefined ? undefined : { ...row, at: row.at.getTime() }
}
