import { mkdir, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { addressesOf, PORTS } from '../addresses.ts'
import { writeKubeconfig, type ClusterPki } from '../kubernetes-pki.ts'
import type { Part } from '../part.ts'
import { httpGet, httpsGet } from '../probe.ts'
import type { SitePaths, SiteSpec } from './spec.ts'

/** containerd with folders of its own, the CNI plugin `ptp` and the pod addresses of the site. */
export async function containerd(spec: SiteSpec, paths: SitePaths): Promise<Part> {
  const cni = join(paths.containerd, 'cni')
  await mkdir(cni, { recursive: true })
  const config = join(paths.containerd, 'config.toml')
  await writeFile(config, containerdConfig(spec, paths, cni))
  await writeFile(join(cni, '10-ptp.conflist'), podNetwork(spec))
  return {
    name: 'containerd',
    argv: ['containerd', '--config', config, '--log-level', 'warn'],
    ready: () => canConnect(paths.containerdSocket),
    readyWithinMs: 30_000,
  }
}

function containerdConfig(spec: SiteSpec, paths: SitePaths, cni: string): string {
  // restrict_oom_score_adj: without CAP_SYS_RESOURCE runc dies when it lowers a score.
  return `version = 2
root = "${join(paths.containerd, 'root')}"
state = "/run/containerd"
[grpc]
address = "${paths.containerdSocket}"
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "${spec.pauseImage}"
restrict_oom_score_adj = true
disable_apparmor = true
[plugins."io.containerd.grpc.v1.cri".containerd]
snapshotter = "overlayfs"
default_runtime_name = "runc"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "/usr/lib/cni"
conf_dir = "${cni}"
`
}

function podNetwork(spec: SiteSpec): string {
  const { pods } = addressesOf(spec.site)
  const ipam = { type: 'host-local', ranges: [[{ subnet: pods }]], routes: [{ dst: '0.0.0.0/0' }] }
  // No address is rewritten: the other site and the citizens see pods by their own.
  const plugins = [{ type: 'ptp', ipMasq: false, ipam }]
  return JSON.stringify({ cniVersion: '1.0.0', name: 'pods', plugins }, null, 1)
}

/** Resolves when something listens on the Unix socket. */
export function canConnect(path: string): Promise<void> {
  return new Promise((done, fail) => {
    const socket = connect(path, () => {
      socket.destroy()
      done()
    })
    socket.on('error', fail)
  })
}

/** The kubelet; ready when its node is. */
export async function kubelet(spec: SiteSpec, paths: SitePaths, pki: ClusterPki): Promise<Part> {
  const { node } = addressesOf(spec.site)
  const url = `https://${node}:${PORTS.api}`
  await mkdir(join(paths.kubelet, 'pods'), { recursive: true })
  const kubeconfig = join(paths.kubernetes, 'kubelet.kubeconfig')
  const config = join(paths.kubernetes, 'kubelet.json')
  await writeKubeconfig(kubeconfig, url, pki.authority, pki.kubelet)
  await writeFile(config, JSON.stringify(kubeletConfig(spec, paths, pki), null, 1))
  return {
    name: 'kubelet',
    argv: [
      ...[spec.binary, 'kubelet', `--config=${config}`, `--kubeconfig=${kubeconfig}`],
      ...[`--root-dir=${paths.kubelet}`, `--hostname-override=${spec.site}`, `--node-ip=${node}`],
    ],
    ready: () => nodeReady(`${url}/api/v1/nodes/${spec.site}`, pki),
  }
}

function kubeletConfig(spec: SiteSpec, paths: SitePaths, pki: ClusterPki): Record<string, unknown> {
  const { node, nameServer } = addressesOf(spec.site)
  const little = { 'memory.available': '50Mi', 'nodefs.available': '1%', 'imagefs.available': '1%' }
  return {
    ...{ apiVersion: 'kubelet.config.k8s.io/v1beta1', kind: 'KubeletConfiguration', address: node },
    ...{ tlsCertFile: pki.kubelet.cert, tlsPrivateKeyFile: pki.kubelet.key },
    authentication: {
      ...{ anonymous: { enabled: false }, webhook: { enabled: true } },
      x509: { clientCAFile: pki.authority.cert },
    },
    authorization: { mode: 'Webhook' },
    ...{ clusterDNS: [nameServer], clusterDomain: 'cluster.local', resolvConf: '/etc/resolv.conf' },
    // cgroup v1 hosts: without QoS cgroups the kubelet asks nothing of the hierarchy's root.
    ...{ failCgroupV1: false, cgroupDriver: 'cgroupfs', cgroupsPerQOS: false, enforceNodeAllocatable: [] },
    containerRuntimeEndpoint: `unix://${paths.containerdSocket}`,
    // On the default folder two kubelets delete each other's logs.
    podLogsDir: join(paths.log, 'pods'),
    volumePluginDir: join(paths.kubelet, 'volume-plugins'),
    ...{ oomScoreAdj: 0, failSwapOn: false, serializeImagePulls: false, evictionHard: little },
    ...{ imageGCHighThresholdPercent: 100, imageGCLowThresholdPercent: 99 },
  }
}

async function nodeReady(url: string, pki: ClusterPki): Promise<void> {
  const body = await httpsGet(url, { authority: pki.authority, client: pki.admin })
  const node = JSON.parse(body) as {
    status?: { conditions?: { type: string; status: string; message?: string }[] }
  }
  const ready = node.status?.conditions?.find((condition) => condition.type === 'Ready')
  if (ready?.status !== 'True')
    throw new Error(`the node is not ready: ${ready?.message ?? 'it says nothing yet'}`)
}

/** kube-proxy in nftables mode; ready when its rules are written. */
export async function kubeProxy(spec: SiteSpec, paths: SitePaths, pki: ClusterPki): Promise<Part> {
  const { node, pods } = addressesOf(spec.site)
  const kubeconfig = join(paths.kubernetes, 'kube-proxy.kubeconfig')
  await writeKubeconfig(kubeconfig, `https://${node}:${PORTS.api}`, pki.authority, pki.kubeProxy)
  return {
    name: 'kube-proxy',
    argv: [
      ...[spec.binary, 'kube-proxy', `--kubeconfig=${kubeconfig}`, '--proxy-mode=nftables'],
      ...[`--hostname-override=${spec.site}`, `--cluster-cidr=${pods}`, '--oom-score-adj=0'],
      // Host-wide limits cannot be written from a namespace.
      ...['--conntrack-max-per-core=0', '--conntrack-min=0'],
      ...['--healthz-bind-address=127.0.0.1:10256', '--metrics-bind-address=127.0.0.1:10249'],
    ],
    ready: () => httpGet('http://127.0.0.1:10256/healthz'),
  }
}
