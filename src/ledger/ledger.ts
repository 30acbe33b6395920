import { canonicalJson, type Json } from '#model/digest.ts'
import type { Instant } from '#model/time.ts'
import type { Queryable } from '#platform/postgres/transaction.ts'

/** Something that happened, as it is kept for good. Never a secret and no personal data: only keyed digests of them. */
export interface LedgerEntry {
  /** Dotted, from the general to the special: `run.intended`, `authority.acquired`. */
  kind: string
  /** What it is about: `run/R-1`, `system/GPK`. */
  subject: string
  /** Who did it: a principal's id, or the daemon's name. */
  actor: string
  at: Instant
  data: Json
}

/** An entry in its place in the one order. `seq` counts from 1 without a gap. */
export interface SequencedEntry extends LedgerEntry {
  seq: number
}

/**
 * Appends entries inside the caller's transaction: they are there when, and only when, it commits. They get their
 * place in the order within a second of the commit (`sequencer.ts`).
 * Throws TypeError when an entry has no canonical JSON form.
 */
export async function appendToLedger(tx: Queryable, ...entries: readonly LedgerEntry[]): Promise<void> {
  if (entries.length === 0) return
  await tx.query({
    name: 'ledger-append',
    text: `WITH added AS (
       INSERT INTO ledger_entry (kind, subject, entry)
       SELECT kind, subject, entry
       FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS e (kind, subject, entry, place)
       ORDER BY place
       RETURNING id
     )
     INSERT INTO ledger_pending (entry_id) SELECT id FROM added`,
    values: [
      entries.map((entry) => entry.kind),
      entries.map((entry) => entry.subject),
      entries.map(({ kind, subject, actor, at, data }) =>
        canonicalJson({ kind, subject, actor, at, data: wellFormed(data) }),
      ),
    ],
  })
}

/**
 * Half a character (what an answer that was cut in the middle of one ends with) has no UTF-8 form, and canonical JSON
 * refuses it. An odd message of a target must not keep a run from being written, so U+FFFD stands for it.
 */
function wellFormed(value: Json | undefined): Json | undefined {
  if (typeof value === 'string') return value.toWellFormed()
  if (value === null || typeof value !== 'object') return value
  if (Array.isArray(value)) return value.map((one: Json) => wellFormed(one) ?? null)
  return Object.fromEntries(
    Object.entries(value).map(([name, one]) => [name.toWellFormed(), wellFormed(one as Json | undefined)]),
  )
}

interface Row {
  seq: string
  entry: string
}

/** Entries from `fromSeq` on (itself included), in order, at most `limit`; `subject` narrows them to one. */
export async function readLedger(
  db: Queryable,
  fromSeq: number,
  limit: number,
  subject?: string,
): Promise<SequencedEntry[]> {
  const { rows } = await db.query<Row>(
    `SELECT s.seq, e.entry FROM ledger_sequence s JOIN ledger_entry e ON e.id = s.entry_id
     WHERE s.seq >= $1 AND ($3::text IS NULL OR e.subject = $3)
     ORDER BY s.seq LIMIT $2`,
    [fromSeq, limit, subject ?? null],
  )
  return rows.map((row) => ({ seq: Number(row.seq), ...(JSON.parse(row.entry) as LedgerEntry) }))
}
