import { HaetaeError } from '#model/errors.ts'
import type { DatabaseAddress, Query, Row } from '#platform/database/types.ts'
import { PreconditionRefused } from '#runbook/step-type.ts'
import { ownEpoch } from './pg-epoch.ts'
import type { Read } from './targets.ts'

/** The pause of writers as the database tells it; what it consists of is in manifests/postgres/haetae.sql. */
export interface Pause {
  /** Grows with every change of the pause. */
  version: number
  /** Who paused last; null when nobody ever did. */
  key: string | null
  since: string | null
  until: string | null
  /** The position after which no writer wrote; null when that was not reached. */
  lsn: string | null
}

export interface PauseState extends Pause {
  /** Who looks; null while planning. */
  asking: string | null
  inRecovery: boolean
  /** Under which the database is primary. */
  epoch: number
  /** Writers are refused now, by the database's own clock. */
  active: boolean
}

const instant = (column: string) =>
  `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS ${column}`
const columns = `version, key, ${instant('since')}, ${instant('until')}, lsn::text AS lsn`

const look = `
SELECT ${columns}, pg_is_in_recovery() AS in_recovery, haetae.paused_until() IS NOT NULL AS active, ${ownEpoch} AS own
FROM haetae.pause`

/** Looks at the pause on a read-only connection. Throws Unreachable. */
export async function lookAtPause(ctx: Read, address: DatabaseAddress): Promise<PauseState> {
  const row = await ctx.readers.database.read(address, ctx.signal, (query) => firstRow(query, address, look))
  if (row === undefined) throw notInstalled(address, 'the table haetae.pause is empty')
  const {
    in_recovery: inRecovery,
    active,
    own,
  } = row as { in_recovery: boolean; active: boolean; own: number }
  return { ...pauseOf(row), asking: ctx.key ?? null, inRecovery, epoch: own, active }
}

/** Calls one of the functions that change the pause. Throws PreconditionRefused when it is not as it was seen. */
export async function changePause(
  query: Query,
  address: DatabaseAddress,
  call: string,
  values: readonly unknown[],
): Promise<Pause> {
  const row = await firstRow(query, address, `SELECT ${columns} FROM ${call}`, values)
  if (row === undefined)
    throw new PreconditionRefused(nameOf(address), 'its pause of writers is not the one that was seen')
  return pauseOf(row)
}

export function nameOf({ host, port, database }: DatabaseAddress): string {
  return `PostgreSQL ${host}:${port}/${database}`
}

async function firstRow(
  query: Query,
  address: DatabaseAddress,
  text: string,
  values?: readonly unknown[],
): Promise<Row | undefined> {
  return (await prepared(address, query(text, values)))[0]
}

/** What `asked` gives; throws `database-not-prepared` where what manifests/postgres gives is not there. */
export async function prepared<T>(address: DatabaseAddress, asked: Promise<T>): Promise<T> {
  try {
    return await asked
  } catch (error) {
    throw isMissing(error) ? notInstalled(address, (error as Error).message) : error
  }
}

function pauseOf(row: Row): Pause {
  const { version, key, since, until, lsn } = row as unknown as Pause
  return { version, key, since, until, lsn }
}

/** No such schema, table or function, or no right to it. */
function isMissing(error: unknown): boolean {
  const codes = ['3F000', '42P01', '42883', '42501']
  return error instanceof Error && 'code' in error && codes.includes(String(error.code))
}

function notInstalled(address: DatabaseAddress, why: string): HaetaeError {
  return new HaetaeError('database-not-prepared', nameOf(address), { why })
}
