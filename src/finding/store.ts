import type { Pool } from 'pg'
import { instant } from '#model/time.ts'
import { transaction, type Queryable } from '#platform/postgres/transaction.ts'
import type { Finding, FindingFilter, FindingSeen, FindingState, RecordFinding, Severity } from './finding.ts'

export interface FindingStore {
  /**
   * Makes the table say what is so now for the given rules: opens what is new, refreshes what goes on, closes what
   * is in `rules` and no longer seen. All in one transaction; safe to repeat.
   */
  reconcile(rules: readonly string[], seen: readonly FindingSeen[], at: string, actor: string): Promise<void>
  /** Opens or refreshes one; nothing else of its rule is touched. In the caller's transaction when there is one. */
  report(seen: FindingSeen, actor: string, tx?: Queryable): Promise<void>
  /** Closes one; nothing happens when it is not open. In the caller's transaction when there is one. */
  close(rule: string, subject: string, at: string, actor: string, why: string, tx?: Queryable): Promise<void>
  /** Someone accepts the risk until an instant; false when no such finding is open. */
  accept(rule: string, subject: string, until: string, by: string, at: string, why: string): Promise<boolean>
  /** Newest first. */
  list(filter?: FindingFilter): Promise<Finding[]>
}

interface Row {
  id: string
  rule: string
  subject: string
  severity: Severity
  state: FindingState
  message: Finding['message']
  facts: Record<string, unknown>
  since: Date
  accepted_until: Date | null
  accepted_by: string | null
  closed_at: Date | null
}

/** Findings in the site's PostgreSQL. Throws what PostgreSQL said. */
export function findingStore(pool: Pool, record: RecordFinding = async () => undefined): FindingStore {
  return {
    async reconcile(rules, seen, at, actor) {
      await transaction(pool, async (client) => {
        await lockRules(client, rules)
        for (const finding of seen) await open(client, record, finding, actor)
        const kept = seen.map(({ rule, subject }) => `${rule}\u0000${subject}`)
        for (const row of await current(client, rules)) {
          if (kept.includes(`${row.rule}\u0000${row.subject}`)) continue
          await closeOne(client, record, row.rule, row.subject, at, actor, 'no longer seen')
        }
      })
    },
    report: (seen, actor, tx) => within(pool, tx, (client) => open(client, record, seen, actor)),
    close: (rule, subject, at, actor, why, tx) =>
      within(pool, tx, (client) => closeOne(client, record, rule, subject, at, actor, why)),
    accept: (rule, subject, until, by, at, why) =>
      transaction(pool, async (client) => {
        const { rowCount } = await client.query(
          `UPDATE finding SET state = 'accepted', accepted_until = $3, accepted_by = $4
           WHERE rule = $1 AND subject = $2 AND state <> 'closed'`,
          [rule, subject, until, by],
        )
        if (rowCount !== 1) return false
        await record(client, {
          kind: 'finding.accepted',
          rule,
          subject,
          at,
          actor: by,
          detail: { until, why },
        })
        return true
      }),
    list: (filter = {}) => list(pool, filter),
  }
}

function within(pool: Pool, tx: Queryable | undefined, work: (client: Queryable) => Promise<void>) {
  return tx === undefined ? transaction(pool, work) : work(tx)
}

/** One reconciler of a rule at a time: two would each see the other's rows as gone. */
async function lockRules(client: Queryable, rules: readonly string[]): Promise<void> {
  for (const rule of [...rules].sort()) {
    await client.query("SELECT pg_advisory_xact_lock(hashtextextended('finding:' || $1::text, 0))", [rule])
  }
}

async function open(
  client: Queryable,
  record: RecordFinding,
  seen: FindingSeen,
  actor: string,
): Promise<void> {
  const { rows } = await client.query<{ inserted: boolean }>(
    `INSERT INTO finding (rule, subject, severity, state, message, facts, since)
     VALUES ($1, $2, $3, 'open', $4, $5, $6)
     ON CONFLICT (rule, subject) WHERE state <> 'closed' DO UPDATE
       SET severity = excluded.severity, message = excluded.message, facts = excluded.facts,
           state = CASE WHEN finding.state = 'accepted' AND finding.accepted_until > now()
                        THEN 'accepted' ELSE 'open' END
     RETURNING (xmax = 0) AS inserted`,
    [
      seen.rule,
      seen.subject,
      seen.severity,
      JSON.stringify(seen.message),
      JSON.stringify(seen.facts),
      seen.since,
    ],
  )
  if (rows[0]?.inserted !== true) return
  const { rule, subject, since, severity, message, facts } = seen
  await record(client, {
    kind: 'finding.opened',
    rule,
    subject,
    at: since,
    actor,
    detail: { severity, message, facts },
  })
}

async function closeOne(
  client: Queryable,
  record: RecordFinding,
  rule: string,
  subject: string,
  at: string,
  actor: string,
  why: string,
): Promise<void> {
  const { rowCount } = await client.query(
    `UPDATE finding SET state = 'closed', closed_at = $3 WHERE rule = $1 AND subject = $2 AND state <> 'closed'`,
    [rule, subject, at],
  )
  if (rowCount === 1)
    await record(client, { kind: 'finding.closed', rule, subject, at, actor, detail: { why } })
}

async function current(
  client: Queryable,
  rules: readonly string[],
): Promise<{ rule: string; subject: string }[]> {
  const { rows } = await client.query<{ rule: string; subject: string }>(
    `SELECT rule, subject FROM finding WHERE state <> 'closed' AND rule = ANY($1) ORDER BY id`,
    [rules],
  )
  return rows
}

async function list(pool: Pool, filter: FindingFilter): Promise<Finding[]> {
  const { rows } = await pool.query<Row>(
    `SELECT * FROM finding
     WHERE ($1::text IS NULL OR rule = $1) AND ($2::text IS NULL OR subject = $2)
       AND ($3::text[] IS NULL OR state = ANY($3)) AND ($4::bigint IS NULL OR id < $4)
     ORDER BY id DESC LIMIT $5`,
    [
      filter.rule ?? null,
      filter.subject ?? null,
      filter.states ?? null,
      filter.beforeId ?? null,
      filter.limit ?? 200,
    ],
  )
  return rows.map(findingOf)
}

function findingOf(row: Row): Finding {
  const at = (value: Date | null): string | null => (value === null ? null : instant(value.getTime()))
  return {
    id: row.id,
    rule: row.rule,
    subject: row.subject,
    severity: row.severity,
    state: row.state,
    message: row.message,
    facts: row.facts,
    since: instant(row.since.getTime()),
    acceptedUntil: at(row.accepted_until),
    acceptedBy: row.accepted_by,
    closedAt: at(row.closed_at),
  }
}
