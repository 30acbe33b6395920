import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Pool } from 'pg'
import type { Source } from '#backup/backup.ts'
import { makeDue } from '#backup/due.ts'
import { backupLog, type BackupLog } from '#backup/log.ts'
import { loadBackupPolicies, policiesFor, type BackupPolicy } from '#backup/policy.ts'
import { pruneCopies } from '#backup/prune.ts'
import { backupQueue, type BackupQueue } from '#backup/queue.ts'
import { endStrayTools } from '#backup/stray.ts'
import type { ReplicationAccess } from '#backup/tools/source.ts'
import { WalStreams, type StreamPosition } from '#backup/wal-streams.ts'
import { workOnSlot, type Worked } from '#backup/worker.ts'
import type { FindingSeen } from '#finding/finding.ts'
import type { FindingStore } from '#finding/store.ts'
import { messageOf } from '#model/errors.ts'
import { instant, type Clock } from '#model/time.ts'
import { databaseReader } from '#platform/database/client.ts'
import type { Log } from '#platform/log.ts'
import { within } from '#platform/no-answer.ts'
import { slotStore, type Claimant, type Slots } from '#schedule/slots.ts'
import { tick } from '#schedule/tick.ts'
import type { Catalogue } from './catalogue.ts'
import { layoutOf, type Config } from './config.ts'
import type { LedgerPorts } from './ledger-ports.ts'
import type { Releasers } from './releasers.ts'
import type { Storage } from './storage.ts'
import type { World } from './world.ts'

interface Needs {
  config: Config
  catalogue: Catalogue
  clock: Clock
  log: Log
  pool: Pool
  storage: Storage
  world: World
  ledger: LedgerPorts
  findings: FindingStore
  releasers: Releasers
}

export interface Backups {
  log: BackupLog
  streams: WalStreams | undefined
  /** True when jobs can be dispatched now. */
  dispatching: () => boolean
}

const attemptsAtMost = 4
/** Copies at once at this site: more would only make each slower, and the primaries feel it. */
const atOnce = 2

/**
 * This site pulls copies of every database that is primary at another site. Redis away: backups wait and a finding
 * says so, nothing else stops. Without `replication` in the configuration there is the log only.
 */
export async function startBackups(needs: Needs, holder: Claimant): Promise<Backups> {
  const { config, clock, pool, ledger } = needs
  const log = backupLog(pool, ledger.backup)
  const slots = slotStore(pool)
  await log.endAbandoned(clock.now(), holder.daemon)
  await slots.reopen(holder, clock.now())
  if (config.replication === undefined) {
    needs.log.warn({ key: 'replication' }, 'no backups are taken: it is not configured')
    return { log, streams: undefined, dispatching: () => false }
  }
  const folder = layoutOf(config).backup
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  await endStrayTools(folder)
  const access: ReplicationAccess = {
    ...config.replication,
    caFile: config.databases?.caFile,
    binDir: config.postgres.binDir,
  }
  const policies = await policiesOf(needs.catalogue)
  const parts = { needs, log, slots, folder, access, policies, holder, atWork: new Set<string>() }
  const streams = startStreams(parts)
  const queue = startQueue(parts)
  startTicks(parts, queue, streams)
  return { log, streams, dispatching: () => queue.connected() }
}

interface Parts {
  needs: Needs
  log: BackupLog
  slots: Slots
  folder: string
  access: ReplicationAccess
  policies: BackupPolicy[]
  holder: Claimant
  /** Ids of the slots that this process works on now. */
  atWork: Set<string>
}

async function policiesOf(catalogue: Catalogue): Promise<BackupPolicy[]> {
  const file = join(catalogue.folder, 'policies/backup.yaml')
  return existsSync(file) ? loadBackupPolicies(file) : []
}

/** Databases that are primary at another site now. Pulled, so that the source needs no right at this site. */
function sourcesOf({ config, catalogue, world }: Needs): Source[] {
  return catalogue.estate.systems.flatMap((system) => {
    const database = system.components?.database
    const site = world.activeSite(system.id)
    const endpoint = site === null ? undefined : database?.endpoints[site]
    if (database === undefined || endpoint === undefined || site === null || site === config.site) return []
    return [{ system: system.id, site, ...endpoint, database: database.name }]
  })
}

function startStreams({ needs, log, folder, access }: Parts): WalStreams {
  const streams = new WalStreams({
    clock: needs.clock,
    log,
    site: needs.config.site,
    folder,
    access,
    positionOf: positionReader(needs.config),
    logger: needs.log,
  })
  needs.releasers.add('WAL streams', () => streams.stop())
  return streams
}

const positionQuery = `
SELECT write_lsn::text AS position, pg_wal_lsn_diff(pg_current_wal_lsn(), write_lsn) AS lag_bytes,
       coalesce(extract(epoch FROM write_lag), 0) AS lag_seconds,
       extract(epoch FROM clock_timestamp() - coalesce(write_lag, '0')) * 1000 AS recovery_point
FROM pg_stat_replication WHERE application_name = $1 AND write_lsn IS NOT NULL`

function positionReader(config: Config) {
  const reader =
    config.databases === undefined
      ? undefined
      : databaseReader({ ...config.databases, applicationName: 'haetae-wal' })
  return async (source: Source, slot: string, signal: AbortSignal): Promise<StreamPosition | undefined> => {
    if (reader === undefined) return undefined
    const [row] = await reader.read(source, within(3_000, signal), (query) => query(positionQuery, [slot]))
    if (row === undefined) return undefined
    return {
      position: String(row['position']),
      lagBytes: Number(row['lag_bytes']),
      lagSeconds: Number(row['lag_seconds']),
      recoveryPoint: instant(Number(row['recovery_point'])),
    }
  }
}

function startQueue(parts: Parts): BackupQueue {
  const { needs, log, slots, folder, access, holder } = parts
  const { clock, config, releasers, storage } = needs
  const ending = new AbortController()
  const worker = {
    ...{ clock, slots, log, folder, access, attemptsAtMost, atWork: parts.atWork },
    site: config.site,
    by: holder,
    sourceOf: (system: string) => sourcesOf(needs).find((source) => source.system === system),
    retryBaseMs: 5_000,
  }
  const queue = backupQueue({
    redis: storage.redisAddress,
    concurrency: atOnce,
    work: async (slotId) => {
      const worked = await workOnSlot(worker, slotId, ending.signal)
      needs.log.info({ slot: slotId, worked }, 'a backup slot was worked on')
      if (worked === 'succeeded') await pruneAfter(parts, slotId)
      return worked satisfies Worked
    },
    onTrouble: (why) => {
      if (why === undefined) needs.log.info({}, 'Redis answers: backups go on')
      else needs.log.warn({ why }, 'backups wait for Redis')
    },
  })
  releasers.add('backup queue', () => {
    ending.abort()
    return queue.close()
  })
  return queue
}

/** A new proven copy lets an old one go. */
async function pruneAfter({ needs, log, slots, folder, policies }: Parts, slotId: string): Promise<void> {
  const slot = await slots.get(slotId)
  const source = sourcesOf(needs).find((one) => one.system === slot?.subject)
  if (source === undefined) return
  const grade = needs.catalogue.systems.get(source.system)?.grade ?? ''
  const keeps = policiesFor(policies, { id: source.system, grade }).map((policy) => policy.keep)
  const parts = { clock: needs.clock, log, site: needs.config.site, folder }
  await pruneCopies(parts, source, Math.max(2, ...keeps))
}

function startTicks(parts: Parts, queue: BackupQueue, streams: WalStreams): void {
  const { needs, log, slots, policies, holder } = parts
  const { clock, config, releasers } = needs
  let complained = ''
  const failed = (why: string): void => {
    if (why !== complained) needs.log.warn({ why }, 'backups could not be looked after')
    complained = why
  }
  const due = {
    ...{ clock, slots, log, policies },
    site: config.site,
    gradeOf: (system: string) => needs.catalogue.systems.get(system)?.grade ?? '',
  }
  const work = async (): Promise<void> => {
    const sources = sourcesOf(needs)
    await streams.reconcile(sources)
    await reopenLeft(parts)
    await makeDue(due, sources)
    const away = await dispatch(slots, queue, clock)
    await needs.findings.reconcile(
      backupRules,
      findingsNow(needs, streams, away),
      instant(clock.now()),
      holder.daemon,
    )
    complained = ''
  }
  releasers.add('schedule of backups', tick('backups', 5, work, failed))
}

/** A claim whose end could not be written (PostgreSQL was away) is nobody's once its lease is over. */
async function reopenLeft({ needs: { clock }, log, slots, holder, atWork }: Parts): Promise<void> {
  const left = await slots.reopen(holder, clock.now(), atWork)
  if (left.length === 0) return
  await log.endAbandoned(
    clock.now(),
    holder.daemon,
    left.map(({ id }) => id),
  )
}

async function dispatch(slots: Slots, queue: BackupQueue, clock: Clock): Promise<string | undefined> {
  const due = await slots.due(clock.now(), 200)
  try {
    await queue.dispatch(due)
    return undefined
  } catch (error) {
    return messageOf(error)
  }
}

const backupRules = ['backup-queue-away', 'wal-stream-broken'] as const
/** A stream that is away for longer than this is a finding. */
const brokenMs = 30_000
/** A queue that is away at two looks in a row is a finding: at a start the connection takes a moment. */
const awayMs = 4_000
const awaySince = new WeakMap<Needs, number>()

function findingsNow(needs: Needs, streams: WalStreams, away: string | undefined): FindingSeen[] {
  const now = needs.clock.now()
  const broken = streams.states().flatMap(({ source, down, why }): FindingSeen[] => {
    if (down === undefined || now - down < brokenMs) return []
    const en = `the WAL of ${source.system} does not arrive from ${source.site}: ${why ?? 'it ended'}`
    const ko = `${source.site} 센터에서 ${source.system}의 WAL이 오지 않습니다: ${why ?? ''}`
    const seen = { rule: 'wal-stream-broken', subject: source.system, severity: 'warning' as const }
    return [{ ...seen, message: { ko, en }, facts: { site: source.site }, since: instant(down) }]
  })
  if (away === undefined) {
    awaySince.delete(needs)
    return broken
  }
  const since = awaySince.get(needs) ?? now
  awaySince.set(needs, since)
  if (now - since < awayMs) return broken
  const message = {
    ko: `Redis를 사용할 수 없어 백업이 기다립니다: ${away}`,
    en: `backups wait for Redis: ${away}`,
  }
  const seen = { rule: 'backup-queue-away', subject: needs.config.site, severity: 'warning' as const }
  return [...broken, { ...seen, message, facts: {}, since: instant(since) }]
}
