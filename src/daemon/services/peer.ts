import type { PeerService } from '#api/services.ts'
import { instant, type Clock } from '#model/time.ts'
import type { Monitor } from '#monitor/monitor.ts'
import type { Catalogue } from '../catalogue.ts'
import type { Config } from '../config.ts'
import type { World } from '../world.ts'

interface Needs {
  config: Config
  world: World
  catalogue: Pick<Catalogue, 'digest'>
  monitor: Monitor
  clock: Clock
  version: string
  startedAt: number
  ready: () => boolean
}

/** What this site tells its peers: that it lives, what it sees, which epochs it knows. */
export function peerService(needs: Needs): PeerService {
  const { config, world, monitor, clock } = needs
  return {
    sites: config.peers.map((peer) => peer.site),
    // Answered from memory: liveness must not wait for a database.
    status: async () => ({
      site: config.site,
      version: needs.version,
      now: instant(clock.now()),
      startedAt: instant(needs.startedAt),
      ready: needs.ready(),
      catalogue: needs.catalogue.digest,
      systems: monitor
        .current()
        .systems.filter((system) => system.reasons[0]?.code !== 'registered-only')
        .map(({ system, health, site }) => ({ system, health, activeSite: site })),
    }),
    authority: async (site) => ({
      site: config.site,
      authorities: world
        .authorities()
        .filter((authority) => site === undefined || authority.site === site)
        .map(({ system, epoch, site: at, runId }) => ({ system, epoch, site: at, runId })),
    }),
  }
}
