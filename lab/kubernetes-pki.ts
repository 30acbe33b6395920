import { readFile, writeFile } from 'node:fs/promises'
import { createAuthority, createTokenKey, issue, keyPairIn, type KeyPair } from './pki.ts'

/** Everything that one cluster's parts know each other by. Each cluster has its own authority. */
export interface ClusterPki {
  authority: KeyPair
  etcd: KeyPair
  apiServer: KeyPair
  controllerManager: KeyPair
  scheduler: KeyPair
  /** Group system:masters. */
  admin: KeyPair
  /** The API server's own, as a client of kubelets. */
  apiServerClient: KeyPair
  kubelet: KeyPair
  kubeProxy: KeyPair
  /** May read metrics and health of every part, nothing else. */
  prometheus: KeyPair
  token: KeyPair
}

/** Makes a cluster's authority and certificates in the folder, for one node with the given name. */
export async function createClusterPki(
  dir: string,
  cluster: { name: string; ips: readonly string[]; node: string },
): Promise<ClusterPki> {
  const authority = await createAuthority(dir, 'authority')
  const local = { dns: ['localhost'], ips: ['127.0.0.1'] }
  const names = [
    'kubernetes',
    'kubernetes.default',
    'kubernetes.default.svc',
    'kubernetes.default.svc.cluster.local',
  ]
  const serving = { dns: [...local.dns, ...names, cluster.name], ips: [...local.ips, ...cluster.ips] }
  const one = (name: string, commonName: string, organization?: string): Promise<KeyPair> =>
    issue(authority, dir, name, {
      ...local,
      commonName,
      ...(organization === undefined ? {} : { organization }),
    })
  const kubelet = { ...serving, dns: [cluster.node], commonName: `system:node:${cluster.node}` }
  await Promise.all([
    one('etcd', 'etcd'),
    issue(authority, dir, 'api-server', { ...serving, commonName: 'kube-apiserver' }),
    one('controller-manager', 'system:kube-controller-manager'),
    one('scheduler', 'system:kube-scheduler'),
    one('admin', 'lab-admin', 'system:masters'),
    one('api-server-client', 'kube-apiserver-kubelet-client', 'system:masters'),
    issue(authority, dir, 'kubelet', { ...kubelet, organization: 'system:nodes' }),
    one('kube-proxy', 'system:kube-proxy'),
    one('prometheus', 'prometheus', 'system:monitoring'),
    createTokenKey(dir, 'token'),
  ])
  return clusterPkiIn(dir)
}

/** Where `createClusterPki` put things. */
export function clusterPkiIn(dir: string): ClusterPki {
  const pair = (name: string): KeyPair => keyPairIn(dir, name)
  return {
    ...{ authority: pair('authority'), etcd: pair('etcd'), apiServer: pair('api-server') },
    ...{ controllerManager: pair('controller-manager'), scheduler: pair('scheduler'), admin: pair('admin') },
    ...{
      apiServerClient: pair('api-server-client'),
      kubelet: pair('kubelet'),
      kubeProxy: pair('kube-proxy'),
    },
    ...{ prometheus: pair('prometheus'), token: pair('token') },
  }
}

/** Writes a kubeconfig that carries its certificates in itself, so that it can be handed on as one file. */
export async function writeKubeconfig(
  path: string,
  server: string,
  authority: KeyPair,
  client: KeyPair,
): Promise<void> {
  const base64 = async (file: string): Promise<string> => (await readFile(file)).toString('base64')
  const [ca, cert, key] = await Promise.all([base64(authority.cert), base64(client.cert), base64(client.key)])
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'lab',
    clusters: [{ name: 'lab', cluster: { server, 'certificate-authority-data': ca } }],
    users: [{ name: 'lab', user: { 'client-certificate-data': cert, 'client-key-data': key } }],
    contexts: [{ name: 'lab', context: { cluster: 'lab', user: 'lab' } }],
  }
  await writeFile(path, `${JSON.stringify(config, null, 1)}\n`, { mode: 0o600 }) // JSON is YAML
}
