import { instant } from '#model/time.ts'
import type { Queryable } from '#platform/postgres/transaction.ts'
import type { SchemaChange } from '#platform/postgres/migrate.ts'
import type { Statement } from './statement.ts'
import type { RecordedStatement } from './subject.ts'
import { voidingSchema } from './voiding.ts'

/** Signed statements as they were received. One that counts per person, gate and run: the index holds it in a race. */
export const approvalSchema: SchemaChange[] = [
  {
    name: '040-approval',
    sql: `
      CREATE TABLE approval_statement (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        run_id text NOT NULL,
        purpose text NOT NULL CHECK (purpose IN ('declare', 'approve', 'attest')),
        gate text NOT NULL,
        principal text NOT NULL,
        statement text NOT NULL,
        signature text NOT NULL,
        fingerprint text NOT NULL,
        received_at timestamptz NOT NULL,
        expires_at timestamptz NOT NULL,
        voided_at timestamptz,
        voided_why text,
        CHECK ((voided_at IS NULL) = (voided_why IS NULL))
      );
      CREATE INDEX approval_statement_run ON approval_statement (run_id, id);
      CREATE UNIQUE INDEX approval_statement_once
        ON approval_statement (run_id, purpose, gate, principal) WHERE voided_at IS NULL;
      CREATE UNIQUE INDEX approval_statement_declared
        ON approval_statement (run_id) WHERE purpose = 'declare';
    `,
  },
  {
    // Purposes are checked at receipt; a new one is a line in people/purposes.ts.
    name: '041-approval-demand',
    sql: `
      ALTER TABLE approval_statement DROP CONSTRAINT approval_statement_purpose_check;
      ALTER TABLE approval_statement ADD COLUMN demanded jsonb, ADD COLUMN hardware jsonb;
    `,
  },
  ...voidingSchema,
]

interface Row {
  id: string
  statement: string
  signature: string
  fingerprint: string
  hardware: RecordedStatement['hardware']
  demanded: RecordedStatement['demanded']
  received_at: Date
  expires_at: Date
  voided_why: string | null
  voided_ko: string | null
}

/**
 * One receiver of a run's statements at a time, until the transaction ends. Two that read before either wrote would each
 * take the other's statement for one to void, and both would be accepted.
 */
export async function lockStatements(tx: Queryable, run: string): Promise<void> {
  await tx.query("SELECT pg_advisory_xact_lock(hashtextextended('approval:' || $1::text, 0))", [run])
}

/** Every statement on a run, in the order of receipt. */
export async function statementsOf(db: Queryable, run: string): Promise<RecordedStatement[]> {
  const { rows } = await db.query<Row>(
    `SELECT id::text, statement, signature, fingerprint, hardware, demanded, received_at, expires_at,
            voided_why, voided_ko
       FROM approval_statement WHERE run_id = $1 ORDER BY approval_statement.id`,
    [run],
  )
  return rows.map((row) => ({
    id: row.id,
    // It was checked at receipt and is stored as signed.
    statement: JSON.parse(row.statement) as Statement,
    bytes: row.statement,
    signature: row.signature,
    fingerprint: row.fingerprint,
    hardware: row.hardware,
    demanded: row.demanded,
    receivedAt: row.received_at.getTime(),
    expiresAt: row.expires_at.getTime(),
    voided: row.voided_why === null ? null : { en: row.voided_why, ko: row.voided_ko ?? row.voided_why },
  }))
}

export type Received = Omit<RecordedStatement, 'id' | 'voided'>

/** Stores a statement. Rejects with SQLSTATE 23505 when the person has one that counts already (a race). */
export async function insertStatement(tx: Queryable, received: Received): Promise<string> {
  const { statement } = received
  const { rows } = await tx.query<{ id: string }>(
    `INSERT INTO approval_statement
       (run_id, purpose, gate, principal, statement, signature, fingerprint, received_at, expires_at, demanded, hardware)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) RETURNING id::text`,
    [
      statement.run,
      statement.purpose,
      statement.gate ?? '',
      statement.principal,
      received.bytes,
      received.signature,
      received.fingerprint,
      new Date(received.receivedAt),
      new Date(received.expiresAt),
      JSON.stringify(received.demanded),
      received.hardware === null ? null : JSON.stringify(received.hardware),
    ],
  )
  return rows[0]?.id ?? ''
}

/** Voids what a person has at a gate, so that a new statement can take its place. */
export async function voidEarlier(tx: Queryable, statement: Statement, at: number): Promise<void> {
  const { run, purpose, gate, principal } = statement
  await tx.query(
    `UPDATE approval_statement SET voided_at = $5, voided_why = $6, voided_ko = $7
      WHERE run_id = $1 AND purpose = $2 AND gate = $3 AND principal = $4 AND voided_at IS NULL`,
    [
      run,
      purpose,
      gate ?? '',
      principal,
      new Date(at),
      `${principal} signed anew at ${instant(at)}`,
      `${principal}이(가) ${instant(at)}에 다시 서명했습니다`,
    ],
  )
}
