import { stringify } from 'yaml'
import { addressesOf, PORTS } from '../addresses.ts'
import { SITES, type SiteId } from '../instance.ts'
import type { KeyPair } from '../pki.ts'
import type { LabSystem } from './lab-system.ts'

/** What a site's Prometheus needs to look at both sites. */
export interface PrometheusOptions {
  systems: readonly LabSystem[]
  /** The lab's authority, behind the daemons' certificates. */
  labAuthority: KeyPair
  /** Per site: its cluster's authority, and a client certificate that may read health and metrics there. */
  clusters: Record<SiteId, { authority: KeyPair; prometheus: KeyPair }>
}

/**
 * Configuration of a site's Prometheus: every second it asks the web services, API servers and daemons of both
 * sites. Of an API server it takes `/metrics/slis` only: all of its metrics, every second, would fill a core.
 */
export function prometheusConfig(options: PrometheusOptions): string {
  const { systems, clusters, labAuthority } = options
  return stringify(
    {
      global: { scrape_interval: '1s', scrape_timeout: '900ms' },
      scrape_configs: [
        {
          job_name: 'systems',
          static_configs: systems.flatMap((system) =>
            SITES.flatMap((site) => {
              const address = system.webAddresses[site]
              return address === undefined
                ? []
                : [{ targets: [`${address}:9100`], labels: { system: system.id, site } }]
            }),
          ),
        },
        ...SITES.map((site) => ({
          job_name: `api-server-${site}`,
          scheme: 'https',
          metrics_path: '/metrics/slis',
          tls_config: {
            ca_file: clusters[site].authority.cert,
            cert_file: clusters[site].prometheus.cert,
            key_file: clusters[site].prometheus.key,
          },
          static_configs: [at(site, PORTS.api, 'api-server')],
        })),
        {
          job_name: 'daemons',
          scheme: 'https',
          tls_config: { ca_file: labAuthority.cert },
          static_configs: SITES.map((site) => at(site, PORTS.daemon, 'daemon')),
        },
      ],
    },
    { lineWidth: 0, aliasDuplicateObjects: false },
  )
}

function at(site: SiteId, port: number, part: string) {
  return { targets: [`${addressesOf(site).node}:${port}`], labels: { site, part } }
}
