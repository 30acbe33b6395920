import type { Check } from '#api/schema/service.ts'
import type { DaemonService } from '#api/services.ts'
import { messageOf } from '#model/errors.ts'
import type { Metrics } from '#platform/metrics.ts'
import type { Monitor } from '#monitor/monitor.ts'
import type { Catalogue } from '../catalogue.ts'
import { describeConfig, type LoadedConfig } from '../config.ts'
import type { Storage } from '../storage.ts'

interface Needs {
  loaded: LoadedConfig
  catalogue: Pick<Catalogue, 'digest'>
  storage: Storage
  monitor: Monitor
  metrics: Metrics
  version: string
}

/**
 * Readiness: only PostgreSQL decides, because a failover needs nothing else of this machine (principle 2). Redis and
 * Prometheus are named with their reason, and do not make the daemon unready.
 */
export function daemonService(needs: Needs): DaemonService {
  const { loaded, metrics, version } = needs
  return {
    site: loaded.config.site,
    version,
    async ready() {
      const database = await postgresCheck(needs)
      return {
        ready: database.ok,
        checks: [database, redisCheck(needs), watchCheck(needs), catalogueCheck(needs)],
      }
    },
    metrics: () => metrics.text(),
    config: () =>
      Object.fromEntries(describeConfig(loaded).map(({ key, value, origin }) => [key, { value, origin }])),
  }
}

async function postgresCheck({ storage }: Needs): Promise<Check> {
  try {
    await storage.pool.query({ text: 'SELECT 1', query_timeout: 2_000 } as { text: string })
    return { name: 'postgres', ok: true, detail: null }
  } catch (error) {
    const why = storage.postgres?.state().why
    return { name: 'postgres', ok: false, detail: why ?? messageOf(error) }
  }
}

function catalogueCheck({ catalogue }: Needs): Check {
  return { name: 'catalogue', ok: true, detail: catalogue.digest }
}

function redisCheck({ storage }: Needs): Check {
  const state = storage.redis?.state()
  if (state === undefined)
    return { name: 'redis', ok: true, detail: 'given by redis.url; asked when backups run' }
  return {
    name: 'redis',
    ok: state.status === 'up',
    detail: state.status === 'up' ? null : `backups wait: ${state.why ?? state.status}`,
  }
}

function watchCheck({ monitor }: Needs): Check {
  const blind = monitor
    .current()
    .systems.flatMap((system) => system.reasons)
    .find((reason) => reason.code === 'prometheus-silent')
  return { name: 'prometheus', ok: blind === undefined, detail: blind?.text ?? null }
}
