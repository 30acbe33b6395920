import { messageOf } from '#model/errors.ts'
import type { PrometheusClient, Sample } from '#platform/prometheus/client.ts'
import type { Measure, Observations, SystemMeasures } from './types.ts'

/** A scrape target: a system's web service, or a part of the site itself (API server, daemon). */
export interface Target {
  system: string | undefined
  answered: boolean
}

/** One look through Prometheus: measures of every system, and who answered its scrape. */
export interface PrometheusLook {
  prometheus: Observations['prometheus']
  measures: Observations['measures']
  /** site → its targets that were scraped lately. */
  targets: Record<string, Target[]>
  at: number
}

/** Two vector queries for everything, however many systems there are. */
const measuresQuery =
  '{__name__=~"up|system_ready|system_database_up|system_heartbeat_timestamp_seconds|system_dependency_up"}'
const agesQuery = 'timestamp(up)'

/** Looks once. Never throws: a silent Prometheus is a result. */
export async function lookThroughPrometheus(
  client: PrometheusClient | undefined,
  now: () => number,
  signal: AbortSignal,
): Promise<PrometheusLook> {
  if (client === undefined) return nothing('none is configured (prometheus.url)', now())
  try {
    const [samples, scrapes] = await Promise.all([
      client.vector(measuresQuery, signal),
      client.vector(agesQuery, signal),
    ])
    return understand(samples, scrapes, now())
  } catch (error) {
    return nothing(messageOf(error), now())
  }
}

function nothing(why: string, at: number): PrometheusLook {
  return { prometheus: { answered: false, why }, measures: {}, targets: {}, at }
}

/**
 * Turns the two vectors into measures. Pure. The age of every series is that of its target's last scrape:
 * Prometheus drops what a failed scrape did not bring, and `up` is written by each try.
 */
export function understand(
  samples: readonly Sample[],
  scrapes: readonly Sample[],
  at: number,
): PrometheusLook {
  const scrapedAt = new Map(scrapes.map((sample) => [targetOf(sample), sample.value * 1000]))
  const measures: Record<string, Record<string, SystemMeasures>> = {}
  const targets: PrometheusLook['targets'] = {}
  for (const sample of samples) {
    const { __name__: name, system, site } = sample.labels
    if (name === undefined || site === undefined) continue
    const measure = { value: sample.value, ageMs: Math.max(0, at - (scrapedAt.get(targetOf(sample)) ?? 0)) }
    if (name === 'up') note(targets, site, system, measure)
    if (system === undefined) continue
    const bySite = (measures[system] ??= {})
    bySite[site] = withMeasure(bySite[site] ?? { dependencies: {} }, name, sample, measure)
  }
  return { prometheus: { answered: true, why: '' }, measures, targets, at }
}

function targetOf(sample: Sample): string {
  return `${sample.labels['job']} ${sample.labels['instance']}`
}

/** A target whose last scrape is old says nothing now: it neither answers nor counts. */
function note(
  targets: PrometheusLook['targets'],
  site: string,
  system: string | undefined,
  up: Measure,
): void {
  if (up.ageMs <= 10_000) (targets[site] ??= []).push({ system, answered: up.value === 1 })
}

function withMeasure(before: SystemMeasures, name: string, sample: Sample, measure: Measure): SystemMeasures {
  if (name === 'up') return { ...before, scrape: measure }
  if (name === 'system_ready') return { ...before, ready: measure }
  if (name === 'system_database_up') return { ...before, database: measure }
  if (name === 'system_heartbeat_timestamp_seconds') return { ...before, heartbeat: measure }
  const dependency = sample.labels['dependency']
  if (dependency === undefined) return before
  return { ...before, dependencies: { ...before.dependencies, [dependency]: measure } }
}
