import { randomUUID } from 'node:crypto'
import type { Pool } from 'pg'
import { digestOf } from '#model/digest.ts'
import { HaetaeError } from '#model/errors.ts'
import type { SchemaChange } from '#platform/postgres/migrate.ts'

/** Answers of POSTs by Idempotency-Key, for a day. `owner` is the process that works on it. */
export const apiSchema: SchemaChange[] = [
  {
    name: '900-api',
    sql: `
      CREATE TABLE api_idempotency (
        principal text NOT NULL,
        key text NOT NULL,
        request text NOT NULL,
        owner text NOT NULL,
        reply jsonb,
        created_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (principal, key)
      );
      CREATE INDEX api_idempotency_age ON api_idempotency (created_at);
    `,
  },
]

/**
 * This process: what it left undone when it was killed may be done again by the next one. One process has a data
 * folder, so another owner is a dead one; once several daemons share a PostgreSQL, a claim needs a term like a run's.
 */
const self = randomUUID()

export interface IdempotentCall {
  principal: string
  /** The header; undefined when it was not sent. */
  key: string | undefined
  /** Method and path with parameters. */
  route: string
  body: unknown
}

/**
 * Does the work once per key and person, and answers a repetition with the first answer. A failed call frees its
 * key. Throws `idempotency-key-missing`, `idempotency-key-reused` (another request), `request-in-progress`.
 */
export async function once(pool: Pool, call: IdempotentCall, work: () => Promise<unknown>): Promise<unknown> {
  const { principal, key } = call
  if (key === undefined || !/^[\x21-\x7e]{8,200}$/.test(key)) {
    const why = key === undefined ? 'it was not sent' : '8 to 200 visible ASCII characters are needed'
    throw new HaetaeError('idempotency-key-missing', call.route, { where: 'header Idempotency-Key', why })
  }
  const request = digestOf({ route: call.route, body: call.body ?? null })
  const earlier = await claim(pool, principal, key, request, call.route)
  if (earlier !== undefined) return earlier.reply
  try {
    const reply = await work()
    await pool.query('UPDATE api_idempotency SET reply = $3 WHERE principal = $1 AND key = $2', [
      principal,
      key,
      JSON.stringify(reply),
    ])
    return reply
  } catch (error) {
    await pool.query(
      'DELETE FROM api_idempotency WHERE principal = $1 AND key = $2 AND owner = $3 AND reply IS NULL',
      [principal, key, self],
    )
    throw error
  }
}

interface Row {
  request: string
  owner: string
  reply: unknown
}

/** Takes the key for this process; the earlier answer when there is one already. */
async function claim(
  pool: Pool,
  principal: string,
  key: string,
  request: string,
  route: string,
): Promise<{ reply: unknown } | undefined> {
  await pool.query("DELETE FROM api_idempotency WHERE created_at < now() - interval '1 day'")
  const taken = await pool.query(
    'INSERT INTO api_idempotency (principal, key, request, owner) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING',
    [principal, key, request, self],
  )
  if (taken.rowCount === 1) return undefined
  const { rows } = await pool.query<Row>(
    'SELECT request, owner, reply FROM api_idempotency WHERE principal = $1 AND key = $2',
    [principal, key],
  )
  const row = rows[0]
  if (row !== undefined && row.request !== request) throw new HaetaeError('idempotency-key-reused', route)
  if (row !== undefined && row.reply !== null) return { reply: row.reply }
  if (row === undefined || row.owner === self) throw new HaetaeError('request-in-progress', route)
  const over = await pool.query(
    'UPDATE api_idempotency SET owner = $4 WHERE principal = $1 AND key = $2 AND owner = $3 AND reply IS NULL',
    [principal, key, row.owner, self],
  )
  if (over.rowCount !== 1) throw new HaetaeError('request-in-progress', route)
  return undefined
}
