import type { Clock } from '#model/time.ts'
import type { Monitor } from '#monitor/monitor.ts'
import type { Metrics } from '#platform/metrics.ts'
import type { ProgramState } from '#platform/supervise/supervise.ts'
import type { Catalogue } from './catalogue.ts'
import type { Storage } from './storage.ts'
import type { World } from './world.ts'

interface Needs {
  metrics: Metrics
  catalogue: Catalogue
  world: World
  monitor: Monitor
  storage: Storage
  clock: Clock
  site: string
}

const healths = ['up', 'degraded', 'down', 'unknown'] as const
const siteStates = ['up', 'degraded', 'isolated', 'suspected-lost', 'lost', 'unknown'] as const

/** Gauges of what the daemon knows, filled from memory at each scrape. Documented in docs/metrics.md. */
export function measureWorld(needs: Needs): void {
  measureHealth(needs)
  measureSites(needs)
  measurePrograms(needs)
}

function measureHealth({ metrics, catalogue, world, monitor }: Needs): void {
  const registered = metrics.gauge(
    'haetae_system_registered',
    'A system of the estate that runs here: always 1.',
    ['system', 'grade'],
  )
  const health = metrics.gauge(
    'haetae_system_health',
    '1 for the state that the system is in, 0 for the others.',
    ['system', 'health'],
  )
  const active = metrics.gauge('haetae_system_active_site', '1 at the site where the system is primary.', [
    'system',
    'site',
  ])
  const epoch = metrics.gauge('haetae_authority_epoch', 'Newest epoch of the system that this site knows.', [
    'system',
  ])
  const lag = metrics.gauge(
    'haetae_replication_lag_seconds',
    'Lag of the standby of the system at this site; absent when it cannot be told.',
    ['system'],
  )
  const running = catalogue.estate.systems.filter((system) => system.components !== undefined)
  metrics.onScrape(() => {
    const { systems } = monitor.current()
    const now = new Map(systems.map((system) => [system.system, system.health]))
    lag.reset()
    active.reset()
    for (const { id, grade } of running) {
      registered.set({ system: id, grade }, 1)
      for (const one of healths)
        health.set({ system: id, health: one }, (now.get(id) ?? 'unknown') === one ? 1 : 0)
      const authority = world.authority(id)
      if (authority === undefined) continue
      active.set({ system: id, site: authority.site }, 1)
      epoch.set({ system: id }, authority.epoch)
    }
    for (const [system, look] of monitor.replication()) {
      if (look.kind === 'seen' && look.sight.lagMs !== null) lag.set({ system }, look.sight.lagMs / 1000)
    }
  })
}

function measureSites({ metrics, monitor, site }: Needs): void {
  const state = metrics.gauge('haetae_site_state', '1 for the state that the site is in, 0 for the others.', [
    'site',
    'state',
  ])
  const reachable = metrics.gauge(
    'haetae_peer_reachable',
    '1 when the daemon of the peer site answered the last look, 0 when not.',
    ['site'],
  )
  metrics.onScrape(() => {
    for (const sight of monitor.current().sites) {
      for (const one of siteStates) state.set({ site: sight.site, state: one }, sight.state === one ? 1 : 0)
      const peer = sight.sights.find((each) => each.kind === 'peer')
      if (sight.site !== site && peer !== undefined) {
        reachable.set({ site: sight.site }, peer.saw === 'answer' && !peer.fault ? 1 : 0)
      }
    }
  })
}

function measurePrograms({ metrics, storage }: Needs): void {
  const up = metrics.gauge('haetae_supervised_up', '1 when the supervised program answers.', ['program'])
  const restarts = metrics.gauge(
    'haetae_supervised_restarts',
    'How often the supervised program was started again since this daemon started.',
    ['program'],
  )
  metrics.onScrape(() => {
    const states: [string, ProgramState | undefined][] = [
      ['postgres', storage.postgres?.state()],
      ['redis', storage.redis?.state()],
    ]
    for (const [program, state] of states) {
      if (state === undefined) continue
      up.set({ program }, state.status === 'up' ? 1 : 0)
      restarts.set({ program }, state.restarts)
    }
  })
}
