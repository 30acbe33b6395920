import type { Clock } from '#model/time.ts'
import type { Metrics } from '#platform/metrics.ts'
import type { Backups } from './backups.ts'

/** Totals are read from the database, so that they survive a restart; at most this often. */
const readEveryMs = 5_000

/** Gauges and counters of backups. Documented in docs/metrics.md. */
export function measureBackups(metrics: Metrics, backups: Backups, clock: Clock): void {
  measureLog(metrics, backups, clock)
  measureStreams(metrics, backups, clock)
}

function measureLog(metrics: Metrics, { log }: Backups, clock: Clock): void {
  const attempts = metrics.counter(
    'haetae_backup_attempts_total',
    'Ended tries of a backup, by tool and outcome.',
    ['tool', 'outcome'],
  )
  const last = metrics.gauge(
    'haetae_backup_last_success_timestamp_seconds',
    'When the newest backup of the system succeeded.',
    ['system', 'tool'],
  )
  let readAt = 0
  metrics.onScrape(async () => {
    if (clock.now() - readAt < readEveryMs) return
    readAt = clock.now()
    // PostgreSQL away: the last values stay, and haetae_supervised_up says why.
    const totals = await log.totals().catch(() => undefined)
    if (totals === undefined) return
    attempts.reset()
    for (const { tool, outcome, count } of totals.outcomes) attempts.inc({ tool, outcome }, count)
    for (const { system, tool, at } of totals.lastSuccess) last.set({ system, tool }, at)
  })
}

function measureStreams(metrics: Metrics, { streams, dispatching }: Backups, clock: Clock): void {
  const queue = metrics.gauge('haetae_backup_queue_up', '1 when backups can be dispatched (Redis answers).')
  const up = metrics.gauge('haetae_wal_stream_up', '1 while WAL of the system is received from its site.', [
    'system',
  ])
  const bytes = metrics.gauge('haetae_wal_stream_lag_bytes', 'WAL of the system that is not received yet.', [
    'system',
  ])
  const seconds = metrics.gauge(
    'haetae_wal_stream_lag_seconds',
    'Age of the newest WAL of the system that is received, by the source.',
    ['system'],
  )
  metrics.onScrape(() => {
    queue.set(dispatching() ? 1 : 0)
    for (const gauge of [up, bytes, seconds]) gauge.reset()
    for (const { source, up: since, last } of streams?.states() ?? []) {
      const system = { system: source.system }
      up.set(system, since === undefined ? 0 : 1)
      if (last === undefined) continue
      bytes.set(system, last.lagBytes)
      // The measure ages while the source does not answer.
      seconds.set(system, Math.max(last.lagSeconds, (clock.now() - Date.parse(last.recoveryPoint)) / 1000))
    }
  })
}
