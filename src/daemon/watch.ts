import { readFileSync } from 'node:fs'
import { parse } from 'yaml'
import { z } from 'zod'
import type { FindingSeen } from '#finding/finding.ts'
import type { FindingStore } from '#finding/store.ts'
import { HaetaeError, messageOf } from '#model/errors.ts'
import { instant, type Clock } from '#model/time.ts'
import { findingsOf, monitorRules } from '#monitor/findings.ts'
import { Monitor } from '#monitor/monitor.ts'
import { lookThroughPrometheus } from '#monitor/prometheus-source.ts'
import { lookAtStandbys, type Standby, type StandbyLook } from '#monitor/replication.ts'
import { sharedLook } from '#monitor/shared-look.ts'
import type { Vantage } from '#monitor/vantage.ts'
import { apiServerVantage, prometheusVantage, replicationVantage } from '#monitor/vantages.ts'
import type { PeerClient } from '#peer/client.ts'
import { peerVantage } from '#peer/vantage.ts'
import { databaseReader } from '#platform/database/client.ts'
import type { DatabaseReader } from '#platform/database/types.ts'
import type { Log } from '#platform/log.ts'
import { prometheusClient } from '#platform/prometheus/client.ts'
import type { Catalogue } from './catalogue.ts'
import type { Config, PeerConfig } from './config.ts'
import type { World } from './world.ts'

interface Needs {
  config: Config
  catalogue: Catalogue
  clock: Clock
  log: Log
  world: World
  peers: readonly PeerClient[]
}

/** The monitor of this site with all its vantage points. It does not look yet: `start()` does. */
export function buildMonitor(needs: Needs): Monitor {
  const { config, catalogue, clock, log, world } = needs
  const prometheus = config.prometheus === undefined ? undefined : prometheusClient(config.prometheus)
  const throughPrometheus = sharedLook(clock, 300, (signal) =>
    lookThroughPrometheus(prometheus, () => clock.now(), signal),
  )
  const atStandbys = sharedLook(clock, 800, standbysLooker(needs))
  const vantages = catalogue.estate.sites
    .filter((site) => site.id !== config.site)
    .flatMap((site): Vantage[] => [
      prometheusVantage(site.id, 1_000, throughPrometheus, (system) => world.activeSite(system) === site.id),
      replicationVantage(site.id, standbysEveryMs, async (signal) => {
        const looks = await atStandbys(signal)
        return new Map([...looks].filter(([system]) => world.activeSite(system) === site.id))
      }),
      ...needs.peers
        .filter((peer) => peer.site === site.id)
        .map((peer) => peerVantage(peer, 1_000, catalogue.digest)),
      ...config.peers.filter((peer) => peer.site === site.id).flatMap(apiServerOf),
    ])
  const sites = catalogue.estate.sites.map((site) => site.id)
  return new Monitor({
    ...{ clock, log, sites, vantages },
    site: config.site,
    systems: () => world.watched(),
    lost: () => world.lost(),
    prometheus: throughPrometheus,
    standbys: atStandbys,
  })
}

/** Pause between looks at the standbys: each is a connection of its own. */
const standbysEveryMs = 2_000

function standbysLooker(needs: Needs): (signal: AbortSignal) => Promise<ReadonlyMap<string, StandbyLook>> {
  const reader = standbyReader(needs.config)
  if (reader === undefined) return async () => new Map()
  return (signal) => lookAtStandbys(reader, standbysHere(needs), signal)
}

function standbyReader(config: Config): DatabaseReader | undefined {
  if (config.databases === undefined) return undefined
  const limits = { connectTimeoutMs: 1_500, statementTimeoutMs: 2_000 }
  return databaseReader({ ...config.databases, ...limits, applicationName: 'haetae-monitor' })
}

/** Databases at this site whose system is active elsewhere. */
function standbysHere({ config, catalogue, world }: Needs): Standby[] {
  return catalogue.estate.systems.flatMap((system) => {
    const database = system.components?.database
    const endpoint = database?.endpoints[config.site]
    const active = world.activeSite(system.id)
    if (database === undefined || endpoint === undefined || active === null || active === config.site)
      return []
    return [{ system: system.id, address: { ...endpoint, database: database.name } }]
  })
}

const kubeconfigShape = z.object({
  clusters: z.array(z.object({ cluster: z.object({ server: z.url() }) })).min(1),
})

function apiServerOf(peer: PeerConfig): Vantage[] {
  if (peer.kubeconfig === undefined) return []
  try {
    const { clusters } = kubeconfigShape.parse(parse(readFileSync(peer.kubeconfig, 'utf8')))
    const url = new URL(clusters[0]?.cluster.server ?? '')
    return [apiServerVantage(peer.site, url.hostname, Number(url.port === '' ? 443 : url.port), 1_000)]
  } catch (cause) {
    throw new HaetaeError('config-unreadable', `the kubeconfig for ${peer.site}`, {
      where: peer.kubeconfig,
      why: messageOf(cause),
      remedy: 'Correct peers[].kubeconfig, or make the file readable for the daemon.',
      cause,
    })
  }
}

/**
 * Writes what the monitor concludes into the findings, at changes and now and then; what could not be written because
 * PostgreSQL was away is written later, with the moment at which it was seen. Ends with the signal.
 */
export async function recordFindings(
  monitor: Monitor,
  findings: FindingStore,
  needs: Pick<Needs, 'clock' | 'log' | 'config' | 'world'>,
  signal: AbortSignal,
): Promise<void> {
  const { clock, log, config, world } = needs
  let written = ''
  let writtenAt = 0
  let complained = false
  while (!signal.aborted) {
    await clock.sleep(250, signal).catch(() => undefined)
    const evaluation = monitor.current()
    if (signal.aborted || evaluation.at === 0) continue
    const seen = [...findingsOf(evaluation, monitor.sinceAll()), ...fenceDebtFindings(world)]
    const key = seen.map((finding) => `${finding.rule} ${finding.subject} ${finding.since}`).join('\n')
    if (key === written && clock.now() - writtenAt < 15_000) continue
    try {
      await findings.reconcile(
        [...monitorRules, fenceDebtRule],
        seen,
        instant(evaluation.at),
        `monitor at ${config.site}`,
      )
      written = key
      writtenAt = clock.now()
      complained = false
    } catch (error) {
      if (!complained) log.warn({ why: messageOf(error) }, 'findings wait for PostgreSQL')
      complained = true
    }
  }
}

const fenceDebtRule = 'fence-debt'

/** People's word in place of a fence stays open everywhere until a real fence closes it. */
function fenceDebtFindings(world: World): FindingSeen[] {
  return world.fenceDebts().map(({ system, site, runId, recordedAt }) => ({
    rule: fenceDebtRule,
    subject: system,
    severity: 'warning',
    message: {
      ko: `${site} 센터의 차단이 확인 서명뿐입니다 (실행 ${runId}): 실제 차단이 남아 있습니다`,
      en: `only people's word keeps ${site} from writing (run ${runId}): a real fence is still owed`,
    },
    facts: { site, run: runId },
    since: recordedAt,
  }))
}
