import { because } from './reasons.ts'
import type {
  Limits,
  Observations,
  Reason,
  SiteSight,
  SystemHealth,
  SystemMeasures,
  WatchedSystem,
} from './types.ts'

/**
 * Health of one system, without its causes upstream. Pure.
 *
 * `down` needs a fresh answer of the system itself that says so. Whatever is missing, stale or out of sight makes it
 * `unknown`: a system whose vantage is lost is never down.
 */
export function systemHealth(
  system: WatchedSystem,
  seen: Observations,
  sites: ReadonlyMap<string, SiteSight>,
  limits: Limits,
): SystemHealth {
  const vantage = `prometheus at ${seen.from}`
  const site = system.activeSite
  const say = (
    health: SystemHealth['health'],
    reasons: Reason[],
    ageMs: number | null = null,
  ): SystemHealth => ({
    system: system.id,
    site,
    health,
    reasons,
    causes: [],
    ageMs,
    vantage,
  })
  if (system.registeredOnly) return say('unknown', [because.registeredOnly()])
  if (site === null) return say('unknown', [because.activeSiteUnknown()])
  const state = sites.get(site)?.state
  if (state === 'lost') return say('unknown', [because.siteLost(site)])
  if (state === 'suspected-lost') return say('unknown', [because.siteSuspectedLost(site)])
  if (!seen.prometheus.answered) return say('unknown', [because.prometheusSilent(seen.prometheus.why)])
  const measures = seen.measures[system.id]?.[site]
  const scrape = measures?.scrape
  if (measures === undefined || scrape === undefined)
    return say('unknown', [because.measureMissing('scrape', site)])
  if (scrape.ageMs > limits.staleMs) return say('unknown', [because.measureStale(scrape.ageMs)], scrape.ageMs)
  if (scrape.value !== 1) return say('unknown', [because.scrapeFailed(site)], scrape.ageMs)
  if (measures.ready === undefined)
    return say('unknown', [because.measureMissing('system_ready', site)], scrape.ageMs)
  if (measures.ready.value !== 1) return say('down', whyDown(system, measures), scrape.ageMs)
  const worries = whyDegraded(system, site, measures, seen, limits)
  return say(worries.length === 0 ? 'up' : 'degraded', worries, scrape.ageMs)
}

function whyDown(system: WatchedSystem, measures: SystemMeasures): Reason[] {
  const reasons = system.hard
    .filter((id) => measures.dependencies[id]?.value === 0)
    .map((id) => because.dependencySilent(id))
  if (measures.database?.value === 0) reasons.push(because.databaseSilent())
  return reasons.length === 0 ? [because.notReady()] : reasons
}

function whyDegraded(
  system: WatchedSystem,
  site: string,
  measures: SystemMeasures,
  seen: Observations,
  limits: Limits,
): Reason[] {
  const reasons: Reason[] = []
  if (measures.heartbeat !== undefined) {
    const ageMs = seen.at - measures.heartbeat.value * 1000
    if (ageMs > limits.heartbeatMs) reasons.push(because.heartbeatStale(ageMs))
  }
  const replication = seen.replication[system.id]
  if (site !== seen.from && replication !== undefined && !replication.streaming) {
    reasons.push(because.replicationBroken(seen.from))
  }
  return reasons
}

/**
 * Adds causes: the systems furthest upstream that explain a system that is down. A dependency that is itself down for
 * a reason upstream hands its causes on, so that one cause is named once by all that suffer from it.
 */
export function attribute(healths: readonly SystemHealth[]): SystemHealth[] {
  const byId = new Map(healths.map((health) => [health.system, health]))
  function causesOf(health: SystemHealth, seen: ReadonlySet<string>): string[] {
    const upstream = health.reasons
      .filter((reason) => reason.code === 'dependency-silent' && reason.about !== undefined)
      .map((reason) => reason.about ?? '')
      .filter((id) => !seen.has(id))
    return upstream.flatMap((id) => {
      const cause = byId.get(id)
      const further = cause?.health === 'down' ? causesOf(cause, new Set([...seen, id])) : []
      return further.length === 0 ? [id] : further
    })
  }
  return healths.map((health) => ({
    ...health,
    causes: [...new Set(causesOf(health, new Set([health.system])))].sort(),
  }))
}
