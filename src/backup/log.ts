import type { Pool } from 'pg'
import type { Localized } from '#model/localized.ts'
import { instant } from '#model/time.ts'
import { transaction, type Queryable } from '#platform/postgres/transaction.ts'
import type { Attempt, Copy, CopyFacts, Outcome, RecordBackup, ToolName } from './backup.ts'
import { attemptOf, copyOf, type AttemptRow, type CopyRow } from './rows.ts'

export interface NewAttempt {
  slotId: string | null
  system: string
  tool: ToolName
  dueAt: number | null
  askedBy: string
  sourceSite: string
  targetSite: string
}

export interface LogFilter {
  system?: string | undefined
  site?: string | undefined
  outcome?: Outcome | undefined
  from?: string | undefined
  to?: string | undefined
  beforeId?: string | undefined
  limit: number
}

export interface CopyFilter {
  system?: string | undefined
  site?: string | undefined
  tool?: ToolName | undefined
  beforeId?: string | undefined
  limit: number
}

export interface End {
  outcome: Exclude<Outcome, 'running'>
  at: number
  copy?: CopyFacts
  message?: Localized
}

export interface BackupLog {
  /** Writes down that an attempt runs. */
  begin(attempt: NewAttempt, now: number): Promise<Attempt>
  /** Ends an attempt, with its copy when there is one; `also` joins the transaction (the slot's end). */
  end(id: string, end: End, also?: (tx: Queryable) => Promise<void>): Promise<Attempt>
  /** Writes down a due time that nothing ran for. */
  missed(attempt: NewAttempt, now: number, message: Localized): Promise<void>
  /** Attempts that nobody works on any more become failed: all that run, or with `slots` those of these slots. */
  endAbandoned(now: number, actor: string, slots?: readonly string[]): Promise<Attempt[]>
  /** What a stream has reached: refreshes its one copy. */
  streamed(copy: Omit<Copy, 'id' | 'digest' | 'restoredAt'>): Promise<void>
  /** A copy was taken away by the rules of its policy. */
  removed(id: string, now: number): Promise<void>
  attempts(filter: LogFilter): Promise<Attempt[]>
  copies(filter: CopyFilter): Promise<Copy[]>
  /** Totals by tool and outcome, and the newest success by system and tool (seconds since the epoch): for metrics. */
  totals(): Promise<{
    outcomes: { tool: string; outcome: string; count: number }[]
    lastSuccess: { system: string; tool: string; at: number }[]
  }>
}

/** The backup log in the site's PostgreSQL. Throws what PostgreSQL said. */
export function backupLog(pool: Pool, record: RecordBackup = async () => undefined): BackupLog {
  return {
    begin: (attempt, now) => transaction(pool, (tx) => begin(tx, record, attempt, now)),
    end: (id, end, also) =>
      transaction(pool, async (tx) => {
        const ended = await endAttempt(tx, record, id, end)
        await also?.(tx)
        return ended
      }),
    missed: (attempt, now, message) =>
      transaction(pool, async (tx) => {
        const { id } = await insert(tx, attempt, 'missed', null, now)
        await tx.query('UPDATE backup_attempt SET message = $2 WHERE id = $1', [id, JSON.stringify(message)])
        await note(tx, record, { ...attempt, id, outcome: 'missed' }, now, { message })
      }),
    endAbandoned: (now, actor, slots) => endAbandoned(pool, record, now, actor, slots ?? null),
    streamed: (copy) => streamed(pool, copy),
    async removed(id, now) {
      await pool.query('UPDATE backup_copy SET removed_at = $2 WHERE id = $1', [id, instant(now)])
    },
    attempts: (filter) => attempts(pool, filter),
    copies: (filter) => copies(pool, filter),
    totals: () => totals(pool),
  }
}

async function begin(
  tx: Queryable,
  record: RecordBackup,
  attempt: NewAttempt,
  now: number,
): Promise<Attempt> {
  const begun = await insert(tx, attempt, 'running', now, null)
  await note(tx, record, { ...attempt, id: begun.id, outcome: 'running' }, now, {})
  return begun
}

async function insert(
  tx: Queryable,
  attempt: NewAttempt,
  outcome: Outcome,
  startedAt: number | null,
  endedAt: number | null,
): Promise<Attempt> {
  const at = (ms: number | null): string | null => (ms === null ? null : instant(ms))
  const { rows } = await tx.query<AttemptRow>(
    `INSERT INTO backup_attempt
       (slot_id, system, tool, due_at, asked_by, source_site, target_site, outcome, started_at, ended_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING *`,
    [
      attempt.slotId,
      attempt.system,
      attempt.tool,
      at(attempt.dueAt),
      attempt.askedBy,
      attempt.sourceSite,
      attempt.targetSite,
      outcome,
      at(startedAt),
      at(endedAt),
    ],
  )
  return attemptOf(rows[0] as AttemptRow)
}

/** Every transition is a row of its own and an entry of the ledger. */
async function note(
  tx: Queryable,
  record: RecordBackup,
  attempt: Pick<Attempt, 'id' | 'system' | 'tool' | 'outcome' | 'askedBy' | 'sourceSite' | 'targetSite'>,
  at: number,
  detail: Record<string, unknown>,
): Promise<void> {
  await tx.query('INSERT INTO backup_transition (attempt_id, at, outcome, detail) VALUES ($1, $2, $3, $4)', [
    attempt.id,
    instant(at),
    attempt.outcome,
    JSON.stringify(detail),
  ])
  const { id, tool, sourceSite, targetSite } = attempt
  await record(tx, {
    kind: `backup.${attempt.outcome}`,
    system: attempt.system,
    at: instant(at),
    actor: attempt.askedBy,
    detail: { attempt: id, tool, sourceSite, targetSite, ...detail },
  })
}

async function endAttempt(tx: Queryable, record: RecordBackup, id: string, end: End): Promise<Attempt> {
  const { copy } = end
  const { rows } = await tx.query<AttemptRow>(
    `UPDATE backup_attempt SET outcome = $2, ended_at = $3, bytes = $4, digest = $5, recovery_point = $6,
            position = $7, verified = $8, message = $9, excluded = $10
     WHERE id = $1 AND outcome = 'running' RETURNING *`,
    [
      id,
      end.outcome,
      instant(end.at),
      copy?.bytes ?? null,
      copy?.digest ?? null,
      copy?.recoveryPoint ?? null,
      copy?.position ?? null,
      copy?.verified ?? false,
      end.message === undefined ? null : JSON.stringify(end.message),
      JSON.stringify(copy?.excluded ?? []),
    ],
  )
  if (rows[0] === undefined) throw new Error(`attempt ${id} does not run any more`)
  const ended = attemptOf(rows[0])
  if (copy !== undefined) await insertCopy(tx, ended, copy, end.at)
  const { bytes, digest, recoveryPoint, position, verified, message } = ended
  await note(tx, record, ended, end.at, { bytes, digest, recoveryPoint, position, verified, message })
  return ended
}

async function insertCopy(tx: Queryable, attempt: Attempt, copy: CopyFacts, at: number): Promise<void> {
  await tx.query(
    `INSERT INTO backup_copy (attempt_id, system, tool, site, source_site, folder, recovery_point, position, bytes,
                              digest, verified_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
    [
      attempt.id,
      attempt.system,
      attempt.tool,
      attempt.targetSite,
      attempt.sourceSite,
      copy.folder,
      copy.recoveryPoint,
      copy.position,
      copy.bytes,
      copy.digest,
      copy.verified ? instant(at) : null,
    ],
  )
}

async function endAbandoned(
  pool: Pool,
  record: RecordBackup,
  now: number,
  actor: string,
  slots: readonly string[] | null,
): Promise<Attempt[]> {
  return transaction(pool, async (tx) => {
    const { rows } = await tx.query<{ id: string }>(
      `SELECT id FROM backup_attempt
       WHERE outcome = 'running' AND ($1::bigint[] IS NULL OR slot_id = ANY ($1))`,
      [slots],
    )
    const ended: Attempt[] = []
    for (const { id } of rows) {
      const message = {
        ko: '작업하던 데몬이 끝나 중단되었습니다',
        en: `the daemon that ran it is gone (found by ${actor})`,
      }
      ended.push(await endAttempt(tx, record, id, { outcome: 'failed', at: now, message }))
    }
    return ended
  })
}

async function streamed(pool: Pool, copy: Omit<Copy, 'id' | 'digest' | 'restoredAt'>): Promise<void> {
  await pool.query(
    `INSERT INTO backup_copy (system, tool, site, source_site, folder, recovery_point, position, bytes, verified_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
     ON CONFLICT (folder) DO UPDATE SET recovery_point = excluded.recovery_point, position = excluded.position,
       bytes = excluded.bytes, source_site = excluded.source_site`,
    [
      copy.system,
      copy.tool,
      copy.site,
      copy.sourceSite,
      copy.folder,
      copy.recoveryPoint,
      copy.position,
      copy.bytes,
      copy.verifiedAt,
    ],
  )
}

async function attempts(pool: Pool, filter: LogFilter): Promise<Attempt[]> {
  const { rows } = await pool.query<AttemptRow>(
    `SELECT * FROM backup_attempt
     WHERE ($1::text IS NULL OR system = $1) AND ($2::text IS NULL OR target_site = $2)
       AND ($3::text IS NULL OR outcome = $3)
       AND ($4::timestamptz IS NULL OR coalesce(started_at, due_at) >= $4)
       AND ($5::timestamptz IS NULL OR coalesce(started_at, due_at) < $5)
       AND ($6::bigint IS NULL OR id < $6)
     ORDER BY id DESC LIMIT $7`,
    [
      filter.system ?? null,
      filter.site ?? null,
      filter.outcome ?? null,
      filter.from ?? null,
      filter.to ?? null,
      filter.beforeId ?? null,
      filter.limit,
    ],
  )
  return rows.map(attemptOf)
}

async function copies(pool: Pool, filter: CopyFilter): Promise<Copy[]> {
  const { rows } = await pool.query<CopyRow>(
    `SELECT * FROM backup_copy
     WHERE removed_at IS NULL AND ($1::text IS NULL OR system = $1) AND ($2::text IS NULL OR site = $2)
       AND ($3::text IS NULL OR tool = $3) AND ($4::bigint IS NULL OR id < $4)
     ORDER BY id DESC LIMIT $5`,
    [filter.system ?? null, filter.site ?? null, filter.tool ?? null, filter.beforeId ?? null, filter.limit],
  )
  return rows.map(copyOf)
}

async function totals(pool: Pool): ReturnType<BackupLog['totals']> {
  const outcomes = await pool.query<{ tool: string; outcome: string; count: string }>(
    "SELECT tool, outcome, count(*) FROM backup_attempt WHERE outcome <> 'running' GROUP BY tool, outcome",
  )
  const last = await pool.query<{ system: string; tool: string; at: string }>(
    `SELECT system, tool, extract(epoch FROM max(ended_at)) AS at FROM backup_attempt
     WHERE outcome = 'succeeded' GROUP BY system, tool`,
  )
  return {
    outcomes: outcomes.rows.map((row) => ({ ...row, count: Number(row.count) })),
    lastSuccess: last.rows.map((row) => ({ ...row, at: Number(row.at) })),
  }
}
