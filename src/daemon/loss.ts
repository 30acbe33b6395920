import type { Monitor } from '#monitor/monitor.ts'
import { databaseClient } from '#platform/database/client.ts'
import { within } from '#platform/no-answer.ts'
import type { Catalogue } from './catalogue.ts'
import type { Config } from './config.ts'

/**
 * How much acknowledged work a promotion would lose, in seconds of the source's own clock: its newest heartbeat that
 * was seen from outside, less the newest one that is replayed here. Undefined when one of the two is not to be had:
 * then the plan's bound stands on what people attested.
 */
export function lossEstimate(config: Config, catalogue: Catalogue, monitor: Monitor) {
  return async (system: string, fromSite: string, signal: AbortSignal): Promise<number | undefined> => {
    const seen = monitor.lastHeartbeat(system, fromSite)
    const database = catalogue.systems.get(system)?.components?.database
    const endpoint = database?.endpoints[config.site]
    if (seen === undefined || database === undefined || endpoint === undefined) return undefined
    if (config.databases === undefined) return undefined
    const { user, passwordFile, caFile } = config.databases
    const client = databaseClient({ user, passwordFile, caFile, applicationName: 'haetae-loss' })
    try {
      return await client.reader.read(
        { ...endpoint, database: database.name },
        within(3_000, signal),
        async (query) => {
          const [row] = await query(
            `SELECT extract(epoch FROM max(at)) AS at,
                  pg_last_wal_receive_lsn() IS NOT DISTINCT FROM pg_last_wal_replay_lsn() AS replayed
           FROM heartbeat`,
          )
          // What is received and not replayed yet is not lost.
          if (row?.['replayed'] !== true || row['at'] === null) return undefined
          return Math.max(0, seen - Number(row['at']))
        },
      )
    } catch {
      return undefined
    }
  }
}
