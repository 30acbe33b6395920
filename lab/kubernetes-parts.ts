import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { writeKubeconfig, type ClusterPki } from './kubernetes-pki.ts'
import type { Part } from './part.ts'
import { httpsGet } from './probe.ts'

/** What a control plane is made from. All parts but the API server listen on 127.0.0.1 only. */
export interface ControlPlaneSpec {
  binary: string
  /** Holds etcd's data and the kubeconfigs. */
  dir: string
  pki: ClusterPki
  /** Address the API server listens at and announces. */
  address: string
  ports: { api: number; etcd: number; etcdPeer: number; controllerManager: number; scheduler: number }
  serviceCidr: string
  auditLog: string
  /** `reads`: every request that is not a part's own (for tests that prove what was asked); `writes`: changes only. */
  audit: 'reads' | 'writes'
  /** Skips etcd's fsync: for tests whose data nobody needs after a crash. */
  unsafeNoFsync: boolean
  /** Announce the API server as the service `kubernetes`; not possible from a loopback address. */
  announce: boolean
  extraApiServerArgs?: readonly string[]
  extraControllerManagerArgs?: readonly string[]
}

export interface ControlPlaneParts {
  etcd: Part
  apiServer: Part
  controllerManager: Part
  scheduler: Part
  url: string
  adminKubeconfig: string
}

/** Writes the files that a control plane's parts need and returns the parts, in the order of their start. */
export async function controlPlaneParts(spec: ControlPlaneSpec): Promise<ControlPlaneParts> {
  await mkdir(join(spec.dir, 'etcd'), { recursive: true, mode: 0o700 })
  await chmod(join(spec.dir, 'etcd'), 0o700)
  const url = `https://${spec.address}:${spec.ports.api}`
  const kubeconfig = (name: string): string => join(spec.dir, `${name}.kubeconfig`)
  const { pki } = spec
  await Promise.all([
    writeKubeconfig(kubeconfig('admin'), url, pki.authority, pki.admin),
    writeKubeconfig(kubeconfig('controller-manager'), url, pki.authority, pki.controllerManager),
    writeKubeconfig(kubeconfig('scheduler'), url, pki.authority, pki.scheduler),
    writeFile(join(spec.dir, 'audit-policy.yaml'), auditPolicy(spec.audit)),
  ])
  return {
    etcd: etcd(spec),
    apiServer: apiServer(spec, url),
    controllerManager: controllerManager(spec, kubeconfig('controller-manager')),
    scheduler: scheduler(spec, kubeconfig('scheduler')),
    url,
    adminKubeconfig: kubeconfig('admin'),
  }
}

function etcd(spec: ControlPlaneSpec): Part {
  const url = `https://127.0.0.1:${spec.ports.etcd}`
  const peer = `http://127.0.0.1:${spec.ports.etcdPeer}` // one member: nobody speaks on it
  const { authority, etcd: own } = spec.pki
  return {
    name: 'etcd',
    argv: [
      ...[spec.binary, 'etcd', '--name=etcd', `--data-dir=${join(spec.dir, 'etcd')}`],
      ...[`--listen-client-urls=${url}`, `--advertise-client-urls=${url}`],
      ...[
        `--listen-peer-urls=${peer}`,
        `--initial-advertise-peer-urls=${peer}`,
        `--initial-cluster=etcd=${peer}`,
      ],
      ...['--client-cert-auth', `--trusted-ca-file=${authority.cert}`],
      ...[`--cert-file=${own.cert}`, `--key-file=${own.key}`, '--log-level=warn'],
      ...(spec.unsafeNoFsync ? ['--unsafe-no-fsync'] : []),
    ],
    ready: () => httpsGet(`${url}/health`, { authority, client: own }),
  }
}

function apiServer(spec: ControlPlaneSpec, url: string): Part {
  const { pki } = spec
  return {
    name: 'kube-apiserver',
    argv: [
      ...[spec.binary, 'kube-apiserver', `--secure-port=${spec.ports.api}`],
      ...[`--bind-address=${spec.address}`, `--advertise-address=${spec.address}`],
      ...(spec.announce ? [] : ['--endpoint-reconciler-type=none']),
      ...[`--etcd-servers=https://127.0.0.1:${spec.ports.etcd}`, `--etcd-cafile=${pki.authority.cert}`],
      ...[`--etcd-certfile=${pki.etcd.cert}`, `--etcd-keyfile=${pki.etcd.key}`],
      ...[`--tls-cert-file=${pki.apiServer.cert}`, `--tls-private-key-file=${pki.apiServer.key}`],
      ...[`--client-ca-file=${pki.authority.cert}`, '--authorization-mode=Node,RBAC'],
      ...['--enable-admission-plugins=NodeRestriction', '--allow-privileged=true'],
      '--service-account-issuer=https://kubernetes.default.svc',
      ...[
        `--service-account-key-file=${pki.token.cert}`,
        `--service-account-signing-key-file=${pki.token.key}`,
      ],
      ...[`--service-cluster-ip-range=${spec.serviceCidr}`, '--profiling=false'],
      ...[`--audit-policy-file=${join(spec.dir, 'audit-policy.yaml')}`, `--audit-log-path=${spec.auditLog}`],
      ...['--audit-log-maxsize=100', '--audit-log-maxbackup=2'],
      ...(spec.extraApiServerArgs ?? []),
    ],
    ready: () => httpsGet(`${url}/readyz`, { authority: pki.authority, client: pki.admin }),
  }
}

function controllerManager(spec: ControlPlaneSpec, kubeconfig: string): Part {
  const { pki } = spec
  const port = spec.ports.controllerManager
  return {
    name: 'kube-controller-manager',
    argv: [
      ...[spec.binary, 'kube-controller-manager', `--kubeconfig=${kubeconfig}`],
      ...[`--authentication-kubeconfig=${kubeconfig}`, `--authorization-kubeconfig=${kubeconfig}`],
      ...[`--secure-port=${port}`, '--bind-address=127.0.0.1', '--leader-elect=false', '--profiling=false'],
      ...[
        `--tls-cert-file=${pki.controllerManager.cert}`,
        `--tls-private-key-file=${pki.controllerManager.key}`,
      ],
      ...[`--root-ca-file=${pki.authority.cert}`, `--service-account-private-key-file=${pki.token.key}`],
      ...['--use-service-account-credentials=true', '--kube-api-qps=200', '--kube-api-burst=400'],
      ...(spec.extraControllerManagerArgs ?? []),
    ],
    ready: () =>
      httpsGet(`https://127.0.0.1:${port}/healthz`, { authority: pki.authority, client: pki.admin }),
  }
}

function scheduler(spec: ControlPlaneSpec, kubeconfig: string): Part {
  const { pki } = spec
  const port = spec.ports.scheduler
  return {
    name: 'kube-scheduler',
    argv: [
      ...[spec.binary, 'kube-scheduler', `--kubeconfig=${kubeconfig}`],
      ...[`--authentication-kubeconfig=${kubeconfig}`, `--authorization-kubeconfig=${kubeconfig}`],
      ...[`--secure-port=${port}`, '--bind-address=127.0.0.1', '--leader-elect=false', '--profiling=false'],
      ...[`--tls-cert-file=${pki.scheduler.cert}`, `--tls-private-key-file=${pki.scheduler.key}`],
      ...['--kube-api-qps=200', '--kube-api-burst=400'],
    ],
    ready: () =>
      httpsGet(`https://127.0.0.1:${port}/healthz`, { authority: pki.authority, client: pki.admin }),
  }
}

/** The first rule that fits decides. Parts of Kubernetes talk without end; what people and Haetae ask is kept. */
function auditPolicy(audit: ControlPlaneSpec['audit']): string {
  const quiet = { level: 'None', users: ['system:apiserver', 'system:kube-scheduler', 'system:kube-proxy'] }
  const rules = [
    { level: 'None', resources: [{ group: 'coordination.k8s.io', resources: ['leases'] }] },
    { level: 'None', resources: [{ group: '', resources: ['events'] }, { group: 'events.k8s.io' }] },
    {
      level: 'None',
      nonResourceURLs: ['/readyz*', '/livez*', '/healthz*', '/metrics*', '/openapi*', '/version'],
    },
    { ...quiet, verbs: ['get', 'list', 'watch'] },
    {
      level: 'None',
      userGroups: ['system:nodes', 'system:serviceaccounts'],
      verbs: ['get', 'list', 'watch'],
    },
    { level: 'None', users: ['system:kube-controller-manager'], verbs: ['get', 'list', 'watch'] },
    ...(audit === 'writes' ? [{ level: 'None', verbs: ['get', 'list', 'watch'] }] : []),
    { level: 'Metadata' },
  ]
  const policy = { apiVersion: 'audit.k8s.io/v1', kind: 'Policy', omitStages: ['RequestReceived'], rules }
  return `${JSON.stringify(policy, null, 1)}\n`
}
