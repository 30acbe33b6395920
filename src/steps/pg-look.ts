import type { Query } from '#platform/database/types.ts'
import type { DatabaseAddress } from '#platform/database/types.ts'
import { prepared } from './pg-pause.ts'
import type { Read } from './targets.ts'

/** What a database server says about itself. Positions are `X/Y` as PostgreSQL writes them. */
export interface ServerState {
  inRecovery: boolean
  timeline: number
  /** Last position received and replayed; null when the server never was a standby since it started. */
  receivedLsn: string | null
  replayedLsn: string | null
  lastHeartbeatAt: string | null
  /** The newest row of haetae_authority. */
  written: { epoch: number; site: string | null; runId: string | null } | null
}

/*
 * The timeline: a primary's is in the name of its WAL file at once; a standby's control file follows only at a
 * restart point, so what its WAL receiver says counts too. LSNs are text: they do not fit a JSON number.
 */
const look = `
SELECT pg_is_in_recovery() AS in_recovery,
       CASE WHEN pg_is_in_recovery()
         THEN greatest((SELECT timeline_id FROM pg_control_checkpoint()),
                       (SELECT received_tli FROM pg_stat_wal_receiver))
         ELSE ('x' || substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8))::bit(32)::int
       END AS timeline,
       greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())::text AS received_lsn,
       pg_last_wal_replay_lsn()::text AS replayed_lsn,
       to_char((SELECT max(at) FROM heartbeat) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS heartbeat_at,
       (SELECT to_jsonb(newest) FROM
         (SELECT epoch, site, run_id FROM haetae_authority ORDER BY epoch DESC LIMIT 1) newest) AS written`

interface LookRow {
  in_recovery: boolean
  timeline: number
  received_lsn: string | null
  replayed_lsn: string | null
  heartbeat_at: string | null
  written: { epoch: number; site: string | null; run_id: string | null } | null
}

/** Asks on an open connection. */
export async function lookOn(query: Query): Promise<ServerState> {
  const row = (await query(look))[0] as unknown as LookRow
  return {
    inRecovery: row.in_recovery,
    timeline: row.timeline,
    receivedLsn: row.received_lsn,
    replayedLsn: row.replayed_lsn,
    lastHeartbeatAt: row.heartbeat_at,
    written:
      row.written === null
        ? null
        : { epoch: row.written.epoch, site: row.written.site, runId: row.written.run_id },
  }
}

/** Asks on a connection of its own, as the reader. Throws Unreachable, `database-not-prepared`. */
export function lookAt(ctx: Read, address: DatabaseAddress): Promise<ServerState> {
  return prepared(address, ctx.readers.database.read(address, ctx.signal, lookOn))
}

/** The address of a step's database. */
export function addressOf(input: { host: string; port: number; database: string }): DatabaseAddress {
  return { host: input.host, port: input.port, database: input.database }
}

/** True when position `a` lies before `b`. */
export function isBefore(a: string, b: string): boolean {
  return lsnNumber(a) < lsnNumber(b)
}

function lsnNumber(lsn: string): bigint {
  const [high = '', low = ''] = lsn.split('/')
  return (BigInt(`0x${high}`) << 32n) + BigInt(`0x${low}`)
}
