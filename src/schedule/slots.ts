import type { Pool } from 'pg'
import { instant } from '#model/time.ts'
import { transaction, type Queryable } from '#platform/postgres/transaction.ts'

export type SlotState = 'due' | 'claimed' | 'done' | 'missed' | 'canceled'

export interface Slot {
  id: string
  policy: string
  subject: string
  /** Milliseconds since the epoch. */
  dueAt: number
  state: SlotState
  askedBy: string
  /** How often it was claimed. */
  attempts: number
}

export interface NewSlot {
  policy: string
  subject: string
  dueAt: number
  askedBy: string
  state?: 'due' | 'missed'
}

/** Who claims: `daemon` is one data folder, `incarnation` one start of a process on it. */
export interface Claimant {
  daemon: string
  incarnation: string
}

export interface Slots {
  /** Adds a slot; undefined when there is one of that policy, subject and time already. */
  add(slot: NewSlot): Promise<Slot | undefined>
  /** Slots that may be worked on now, oldest first. */
  due(now: number, limit: number): Promise<Slot[]>
  /**
   * Takes a slot for `leaseMs`: the first act of whoever works on it. Undefined when it is taken, done, or another
   * slot of the same subject is being worked on.
   */
  claim(id: string, by: Claimant, now: number, leaseMs: number): Promise<Slot | undefined>
  /** Prolongs a claim; false when it is not ours any more, and the work must stop. */
  renew(id: string, by: Claimant, now: number, leaseMs: number): Promise<boolean>
  /** Ends a claimed slot. `tx` joins the caller's transaction. False when the claim is not ours any more. */
  finish(
    tx: Queryable,
    id: string,
    by: Claimant,
    outcome: string,
    now: number,
    why: string | null,
  ): Promise<boolean>
  /** Gives a claimed slot back to be tried again at `notBefore`. */
  giveBack(tx: Queryable, id: string, by: Claimant, notBefore: number, why: string): Promise<boolean>
  /**
   * Opens claims again whose worker is gone: an earlier incarnation of this daemon, or a lease that ran out. Of its own
   * claims, those in `atWork` (ids) are left alone: PostgreSQL may have been away for longer than their lease.
   * Returns the slots.
   */
  reopen(by: Claimant, now: number, atWork?: Iterable<string>): Promise<Slot[]>
  /** Cancels what is due and not claimed; false when it was not due. */
  cancel(id: string, now: number, why: string): Promise<boolean>
  /** The newest slot's due time of a policy and subject, milliseconds. */
  newest(policy: string, subject: string): Promise<number | undefined>
  /** True when a slot of the subject is due or claimed. */
  isOpen(subject: string): Promise<boolean>
  get(id: string): Promise<Slot | undefined>
}

interface Row {
  id: string
  policy: string
  subject: string
  due_at: Date
  state: SlotState
  asked_by: string
  attempts: number
}

const columns = 'id, policy, subject, due_at, state, asked_by, attempts'
const nameOf = (by: Claimant): string => `${by.daemon}#${by.incarnation}`

/** Slots in the site's PostgreSQL. Throws what PostgreSQL said. */
export function slotStore(pool: Pool): Slots {
  return {
    add: (slot) => add(pool, slot),
    due: (now, limit) =>
      many(pool, "state = 'due' AND not_before <= $1 ORDER BY not_before, id LIMIT $2", [
        instant(now),
        limit,
      ]),
    claim: (id, by, now, leaseMs) => claim(pool, id, by, now, leaseMs),
    async renew(id, by, now, leaseMs) {
      const { rowCount } = await pool.query(
        `UPDATE due_slot SET claimed_until = $3 WHERE id = $1 AND state = 'claimed' AND claimed_by = $2`,
        [id, nameOf(by), instant(now + leaseMs)],
      )
      return rowCount === 1
    },
    finish: async (tx, id, by, outcome, now, why) =>
      changed(
        await tx.query(
          `UPDATE due_slot SET state = 'done', outcome = $3, ended_at = $4, why = $5, claimed_by = NULL, claimed_until = NULL
           WHERE id = $1 AND state = 'claimed' AND claimed_by = $2`,
          [id, nameOf(by), outcome, instant(now), why],
        ),
      ),
    giveBack: async (tx, id, by, notBefore, why) =>
      changed(
        await tx.query(
          `UPDATE due_slot SET state = 'due', not_before = $3, why = $4, claimed_by = NULL, claimed_until = NULL
           WHERE id = $1 AND state = 'claimed' AND claimed_by = $2`,
          [id, nameOf(by), instant(notBefore), why],
        ),
      ),
    reopen: (by, now, atWork = []) => reopen(pool, by, now, [...atWork]),
    cancel: async (id, now, why) =>
      changed(
        await pool.query(
          `UPDATE due_slot SET state = 'canceled', ended_at = $2, why = $3 WHERE id = $1 AND state = 'due'`,
          [id, instant(now), why],
        ),
      ),
    async newest(policy, subject) {
      const { rows } = await pool.query<{ at: Date | null }>(
        'SELECT max(due_at) AS at FROM due_slot WHERE policy = $1 AND subject = $2',
        [policy, subject],
      )
      return rows[0]?.at?.getTime()
    },
    isOpen: async (subject) =>
      (await many(pool, "subject = $1 AND state IN ('due', 'claimed') LIMIT 1", [subject])).length > 0,
    get: async (id) => (await many(pool, 'id = $1', [id]))[0],
  }
}

async function add(pool: Pool, slot: NewSlot): Promise<Slot | undefined> {
  const state = slot.state ?? 'due'
  const at = instant(slot.dueAt)
  const { rows } = await pool.query<Row>(
    `INSERT INTO due_slot (policy, subject, due_at, state, asked_by, not_before, ended_at, outcome)
     VALUES ($1, $2, $3, $4, $5, $3, CASE WHEN $4 = 'missed' THEN now() END, CASE WHEN $4 = 'missed' THEN 'missed' END)
     ON CONFLICT (policy, subject, due_at) DO NOTHING RETURNING ${columns}`,
    [slot.policy, slot.subject, at, state, slot.askedBy],
  )
  return rows[0] === undefined ? undefined : slotOf(rows[0])
}

async function claim(
  pool: Pool,
  id: string,
  by: Claimant,
  now: number,
  leaseMs: number,
): Promise<Slot | undefined> {
  try {
    const { rows } = await pool.query<Row>(
      `UPDATE due_slot SET state = 'claimed', claimed_by = $2, claimed_until = $3, attempts = attempts + 1
       WHERE id = $1 AND state = 'due' AND not_before <= $4 RETURNING ${columns}`,
      [id, nameOf(by), instant(now + leaseMs), instant(now)],
    )
    return rows[0] === undefined ? undefined : slotOf(rows[0])
  } catch (error) {
    // The index that allows one claim a subject.
    if (error instanceof Error && 'code' in error && error.code === '23505') return undefined
    throw error
  }
}

async function reopen(pool: Pool, by: Claimant, now: number, atWork: readonly string[]): Promise<Slot[]> {
  return transaction(pool, async (client) => {
    const { rows } = await client.query<Row>(
      `UPDATE due_slot SET state = 'due', claimed_by = NULL, claimed_until = NULL, why = 'its worker is gone'
       WHERE state = 'claimed'
         AND (claimed_until < $3 OR claimed_by <> $1 AND starts_with(claimed_by, $2))
         AND NOT (claimed_by = $1 AND id = ANY ($4::bigint[])) RETURNING ${columns}`,
      [nameOf(by), `${by.daemon}#`, instant(now), atWork],
    )
    return rows.map(slotOf)
  })
}

async function many(db: Queryable, where: string, values: unknown[]): Promise<Slot[]> {
  const { rows } = await db.query<Row>(`SELECT ${columns} FROM due_slot WHERE ${where}`, values)
  return rows.map(slotOf)
}

function changed(result: { rowCount: number | null }): boolean {
  return result.rowCount === 1
}

function slotOf(row: Row): Slot {
  return {
    id: row.id,
    policy: row.policy,
    subject: row.subject,
    dueAt: row.due_at.getTime(),
    state: row.state,
    askedBy: row.asked_by,
    attempts: row.attempts,
  }
}
