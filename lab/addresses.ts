import type { SiteId } from './instance.ts'

/** Addresses of a site. They are the same in every lab: no lab shares a network with another or with the host. */
export interface SiteAddresses {
  /** Every address of the site is in here. */
  network: string
  node: string
  nameServer: string
  /** Where the load balancer takes connections for all systems, by the name that they ask for. */
  loadBalancer: string
  services: string
  pods: string
  /** The address that Kubernetes gives its own API. */
  kubernetesService: string
  /** The site's end of the link. */
  link: string
  /** The site's and the citizens' end of the line between them. */
  citizensLine: { site: string; citizens: string }
}

const OCTET: Record<SiteId, number> = { daejeon: 71, gwangju: 72 }

/** The other end of both sites' link: the carrier's equipment. */
export const CARRIER = '10.70.0.254'
export const CITIZENS_NETWORK = '10.79.0.0/16'

export function addressesOf(site: SiteId): SiteAddresses {
  const octet = OCTET[site]
  const end = octet - 70
  return {
    ...{ network: `10.${octet}.0.0/16`, node: `10.${octet}.255.1`, nameServer: `10.${octet}.255.53` },
    loadBalancer: `10.${octet}.255.80`,
    ...{ services: `10.${octet}.0.0/20`, pods: `10.${octet}.128.0/18`, kubernetesService: `10.${octet}.0.1` },
    ...{ link: `10.70.0.${end}`, citizensLine: { site: `10.79.${end}.1`, citizens: `10.79.${end}.2` } },
  }
}

export function otherSite(site: SiteId): SiteId {
  return site === 'daejeon' ? 'gwangju' : 'daejeon'
}

/** Ports at a site's node address. */
export const PORTS = { api: 6443, daemon: 7443, prometheus: 9090 } as const
