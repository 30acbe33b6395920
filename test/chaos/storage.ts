import pg from 'pg'
import { postgresJournal } from '#engine/journal/postgres.ts'
import type { Journal } from '#engine/journal/journal.ts'
import { systemClock } from '#platform/clock.ts'
import { ownPostgresConnection } from '#platform/supervise/postgres.ts'

/** The journal of a victim's PostgreSQL, read and commanded beside it as people's clients do. */
export function storageOf(postgres: string): { pool: pg.Pool; journal: Journal } {
  const pool = new pg.Pool({ ...ownPostgresConnection(postgres), max: 4, connectionTimeoutMillis: 2_000 })
  pool.on('error', () => undefined)
  return { pool, journal: postgresJournal({ pool, clock: systemClock }) }
}
