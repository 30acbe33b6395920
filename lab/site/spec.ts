import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { instanceOf, placeFolder, type Instance, type SiteId } from '../instance.ts'

/** What a site is made from; kept in its folder, so that a part can be started again later. */
export interface SiteSpec {
  instance: string
  site: SiteId
  /** The multi-call binary. */
  binary: string
  /** The pause image, by the name that it has in its archive. */
  pauseImage: string
  /** Docker archives that the site's containerd imports. */
  archives: string[]
  /** The whole configuration of its Prometheus, YAML. */
  prometheusConfig: string
  /** Lines of the zone gov.test that are there from the start. */
  records: string[]
  /** What its load balancer takes connections for. */
  balanced: BalancedSystem[]
}

/** A system behind the load balancers: one server a site, of which only the home's serves at first. */
export interface BalancedSystem {
  backend: string
  /** The name that clients ask for. */
  name: string
  home: string
  servers: Record<string, string>
  port: number
}

const fileOf = (instance: Instance, site: SiteId): string => join(placeFolder(instance, site), 'site.json')

export async function writeSiteSpec(spec: SiteSpec): Promise<void> {
  await writeFile(fileOf(instanceOf(spec.instance), spec.site), `${JSON.stringify(spec, null, 1)}\n`)
}

export async function readSiteSpec(instance: Instance, site: SiteId): Promise<SiteSpec> {
  return JSON.parse(await readFile(fileOf(instance, site), 'utf8')) as SiteSpec
}

/** Where the parts of a site keep their things. */
export interface SitePaths {
  root: string
  pki: string
  log: string
  kubernetes: string
  adminKubeconfig: string
  auditLog: string
  containerd: string
  containerdSocket: string
  kubelet: string
  named: string
  /** Key for RFC 2136 updates of the site's copy of the zone, as `nsupdate -k` reads it. */
  dnsKey: string
  haproxy: string
  /** HAProxy's runtime API for Haetae: its own commands only show there. */
  loadBalancerSocket: string
  prometheus: string
  /** Of Haetae's daemon: its data, its socket. */
  daemon: string
  /** Volumes of the site's pods. */
  volumes: string
}

export function sitePaths(instance: Instance, site: SiteId): SitePaths {
  const root = placeFolder(instance, site)
  const kubernetes = join(root, 'kubernetes')
  const containerd = join(root, 'containerd')
  return {
    ...{ root, pki: join(root, 'pki'), log: join(root, 'log'), kubernetes, containerd },
    ...{ adminKubeconfig: join(kubernetes, 'admin.kubeconfig'), auditLog: join(root, 'log', 'audit.log') },
    ...{ containerdSocket: join(containerd, 'containerd.sock'), kubelet: join(root, 'kubelet') },
    ...{ named: join(root, 'named'), dnsKey: join(root, 'named', 'update.key') },
    ...{ haproxy: join(root, 'haproxy'), loadBalancerSocket: join(root, 'haproxy', 'haetae.sock') },
    ...{ prometheus: join(root, 'prometheus'), daemon: join(root, 'daemon'), volumes: join(root, 'volumes') },
  }
}
