import type { DatabaseAddress, DatabaseReader, Query } from '#platform/database/types.ts'
import { messageOf } from '#model/errors.ts'
import { within } from '#platform/no-answer.ts'
import type { ReplicationSight } from './types.ts'

/** A standby at this site. */
export interface Standby {
  system: string
  address: DatabaseAddress
}

/** What one standby says of its replication; `unreachable`: the standby itself did not answer. */
export type StandbyLook =
  { kind: 'seen'; sight: ReplicationSight } | { kind: 'primary' } | { kind: 'unreachable'; why: string }

const question = `
SELECT pg_is_in_recovery() AS standby, r.status,
       extract(epoch FROM clock_timestamp() - r.last_msg_receipt_time) * 1000 AS silent_ms,
       CASE WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0
            ELSE extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()) * 1000 END AS lag_ms
FROM (SELECT 1) AS one LEFT JOIN pg_stat_wal_receiver AS r ON true`

/** Asks every standby once, a few at a time. Never throws. */
export async function lookAtStandbys(
  reader: DatabaseReader,
  standbys: readonly Standby[],
  signal: AbortSignal,
): Promise<Map<string, StandbyLook>> {
  const looks = new Map<string, StandbyLook>()
  const queue = [...standbys]
  async function worker(): Promise<void> {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      looks.set(next.system, await lookAt(reader, next.address, signal))
    }
  }
  await Promise.all([worker(), worker(), worker()])
  return looks
}

async function lookAt(
  reader: DatabaseReader,
  address: DatabaseAddress,
  signal: AbortSignal,
): Promise<StandbyLook> {
  try {
    return await reader.read(address, within(2_000, signal), ask)
  } catch (error) {
    return { kind: 'unreachable', why: messageOf(error) }
  }
}

async function ask(query: Query): Promise<StandbyLook> {
  const [row] = await query(question)
  if (row?.['standby'] !== true) return { kind: 'primary' }
  const number = (value: unknown): number | null => (value === null ? null : Number(value))
  return {
    kind: 'seen',
    sight: {
      streaming: row['status'] === 'streaming',
      silentMs: number(row['silent_ms']),
      lagMs: number(row['lag_ms']),
    },
  }
}
