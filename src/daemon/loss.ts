import type { Localized } from '#model/localized.ts'
import { instant, type Clock } from '#model/time.ts'
import type { LossForecast } from '#plan/plan.ts'
import type { DatabaseReader } from '#platform/database/types.ts'
import type { Catalogue } from './catalogue.ts'

/** What the database of a system at this site says of what a promotion would keep. */
export interface StandbySight {
  /** In recovery: it is what a failover promotes. */
  standby: boolean
  /** All that it received is replayed: what `heartbeatAt` lacks will not come any more. */
  replayed: boolean
  /** Unix seconds of the newest heartbeat that is replayed, by the source's clock; null when there is none. */
  heartbeatAt: number | null
}

/** What an estimate of a loss stands on. */
export interface LossParts {
  clock: Clock
  /** Unix seconds of the newest heartbeat that was seen at a site from outside; undefined when none ever was. */
  sourceHeartbeat(system: string, site: string): number | undefined
  /** Looks at the database of a system at this site; undefined when it has none here. Throws on no answer. */
  standby(system: string, signal: AbortSignal): Promise<StandbySight | undefined>
}

const question = `
SELECT pg_is_in_recovery() AS standby,
       pg_last_wal_receive_lsn() IS NOT DISTINCT FROM pg_last_wal_replay_lsn() AS replayed,
       (SELECT extract(epoch FROM max(at)) FROM heartbeat) AS at`

/** Looks at the databases of this site's catalogue. */
export function standbyLook(
  catalogue: Pick<Catalogue, 'systems'>,
  site: string,
  reader: () => DatabaseReader,
): LossParts['standby'] {
  return async (system, signal) => {
    const database = catalogue.systems.get(system)?.components?.database
    const endpoint = database?.endpoints[site]
    if (database === undefined || endpoint === undefined) return undefined
    return reader().read({ ...endpoint, database: database.name }, signal, async (query) => {
      const [row] = await query(question)
      return {
        standby: row?.['standby'] === true,
        replayed: row?.['replayed'] === true,
        heartbeatAt: row?.['at'] == null ? null : Number(row['at']),
      }
    })
  }
}

/**
 * How much acknowledged work a promotion would lose, in seconds of the source's own clock: its newest heartbeat that
 * was seen from outside, less the newest one that is replayed here. Pure.
 */
export function lossFrom(seen: number | undefined, sight: StandbySight | undefined): LossForecast {
  const untold = untoldLoss(seen, neverSeen)
  if (sight === undefined) return { ...untold, seconds: 0, why: nothingToLose }
  if (seen === undefined) return untold
  if (!sight.standby) return { ...untold, why: noStandby }
  if (sight.heartbeatAt === null) return { ...untold, why: noHeartbeat }
  const seconds = Math.max(0, seen - sight.heartbeatAt)
  // What is received and not replayed yet is not lost.
  return { ...untold, seconds, atMost: !sight.replayed, why: sight.replayed ? compared : stillReplaying }
}

/** A loss of which nothing can be told, and why. */
export function untoldLoss(seen: number | undefined, why: Localized): LossForecast {
  const sourceHeartbeatAt = seen === undefined ? null : instant(seen * 1000)
  return { seconds: null, atMost: false, sourceHeartbeatAt, why }
}

const nothingToLose = { ko: '데이터베이스 없음', en: 'it has no database here' }
const neverSeen = {
  ko: '원본의 하트비트를 본 적이 없음',
  en: 'no heartbeat of its source was ever seen from outside',
}
const noStandby = { ko: '이곳의 데이터베이스는 대기 서버가 아님', en: 'its database here is no standby' }
const noHeartbeat = { ko: '대기 서버에 하트비트가 없음', en: 'its standby holds no heartbeat' }
const compared = {
  ko: '원본의 마지막 하트비트와 대기 서버의 것을 비교함, 오차 2초',
  en: "the source's newest heartbeat less the standby's, to 2 s",
}
const stillReplaying = {
  ko: '받은 것을 아직 반영하는 중이므로 최대값',
  en: 'at most: the standby still replays what it received',
}
