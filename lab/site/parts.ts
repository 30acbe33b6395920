import { mkdir } from 'node:fs/promises'
import { addressesOf, PORTS } from '../addresses.ts'
import type { Instance } from '../instance.ts'
import { controlPlaneParts } from '../kubernetes-parts.ts'
import { clusterPkiIn } from '../kubernetes-pki.ts'
import type { Part } from '../part.ts'
import { containerd, kubelet, kubeProxy } from './node-parts.ts'
import { loadBalancer } from './load-balancer.ts'
import { nameServer, prometheus } from './service-parts.ts'
import { sitePaths, type SiteSpec } from './spec.ts'

/** The names of a site's parts, as `startSitePart` and `signalSitePart` take them. */
export const PART_NAMES = [
  ...(['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler'] as const),
  ...(['containerd', 'kubelet', 'kube-proxy', 'named', 'haproxy', 'prometheus'] as const),
] as const
export type PartName = (typeof PART_NAMES)[number]

/** Writes the configuration of every part of a site and returns the parts. Runs inside the site. */
export async function siteParts(instance: Instance, spec: SiteSpec): Promise<Record<PartName, Part>> {
  const paths = sitePaths(instance, spec.site)
  const { node, services } = addressesOf(spec.site)
  for (const folder of [paths.log, paths.volumes]) await mkdir(folder, { recursive: true })
  const pki = clusterPkiIn(paths.pki)
  const ports = { api: PORTS.api, etcd: 2379, etcdPeer: 2380, controllerManager: 10257, scheduler: 10259 }
  const plane = await controlPlaneParts({
    ...{ binary: spec.binary, dir: paths.kubernetes, pki, address: node, ports, serviceCidr: services },
    ...{ auditLog: paths.auditLog, audit: 'writes', unsafeNoFsync: false, announce: true },
    extraApiServerArgs: [
      ...[`--kubelet-client-certificate=${pki.apiServerClient.cert}`],
      ...[`--kubelet-client-key=${pki.apiServerClient.key}`],
      ...[`--kubelet-certificate-authority=${pki.authority.cert}`],
      '--kubelet-preferred-address-types=InternalIP',
    ],
  })
  return {
    ...{ etcd: plane.etcd, 'kube-apiserver': plane.apiServer },
    ...{ 'kube-controller-manager': plane.controllerManager, 'kube-scheduler': plane.scheduler },
    containerd: await containerd(spec, paths),
    kubelet: await kubelet(spec, paths, pki),
    'kube-proxy': await kubeProxy(spec, paths, pki),
    named: await nameServer(spec, paths),
    haproxy: await loadBalancer(spec, paths),
    prometheus: await prometheus(spec, paths),
  }
}
