import type { KubernetesObject } from './objects.ts'
import { databaseWorkload, type LabSystem } from './lab-system.ts'

/** Namespace of Haetae's own objects in every cluster: its accounts, and the authority marker. */
export const haetaeNamespace = 'haetae'

/** Account of the daemon of the cluster's own site. */
export const ownAccount = 'haetae'
/** Account of the other site's daemon: it may look, and nothing else. */
export const peerAccount = 'haetae-peer'

/** The config map of each system that runbooks may set. */
export const runbookObject = 'runbook'

const looking = ['get', 'list', 'watch']

/**
 * Who may do what in a cluster. Haetae looks at workloads everywhere; changes are those of a system that its step types
 * make, and config maps in its own namespace. It reads no secret.
 */
export function accessObjects(systems: readonly LabSystem[]): KubernetesObject[] {
  return [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: haetaeNamespace } },
    ...[ownAccount, peerAccount].map((name) => ({
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name, namespace: haetaeNamespace },
    })),
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRole',
      metadata: { name: 'haetae-observe' },
      rules: [
        rule([''], ['namespaces', 'nodes', 'pods', 'services', 'endpoints', 'events'], looking),
        rule(['apps'], ['deployments', 'replicasets', 'statefulsets', 'daemonsets'], looking),
        rule(['apps'], ['deployments/scale'], ['get']),
        rule(['discovery.k8s.io'], ['endpointslices'], looking),
      ],
    },
    binding('ClusterRoleBinding', 'haetae-observe', undefined, 'ClusterRole', [ownAccount, peerAccount]),
    ...markerRole(),
    ...systems.flatMap(stepsRole),
  ]
}

/** The authority marker is a config map of Haetae's own namespace. The peer may read it. */
function markerRole(): KubernetesObject[] {
  const role = (name: string, verbs: string[]) => ({
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'Role',
    metadata: { name, namespace: haetaeNamespace },
    rules: [rule([''], ['configmaps'], verbs)],
  })
  return [
    role('marker-write', [...looking, 'create', 'update', 'patch']),
    role('marker-read', looking),
    binding('RoleBinding', 'marker-write', haetaeNamespace, 'Role', [ownAccount]),
    binding('RoleBinding', 'marker-read', haetaeNamespace, 'Role', [peerAccount]),
  ]
}

/** What runbooks may change of a system: each rule is what one step type needs. */
function stepsRole(system: LabSystem): KubernetesObject[] {
  const one = (name: string) => ({ resourceNames: [name] })
  return [
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'Role',
      metadata: { name: 'haetae-steps', namespace: system.namespace },
      rules: [
        // k8s.scale
        { ...rule(['apps'], ['deployments/scale'], ['get', 'update']), ...one(system.deployment) },
        // pg.stop
        ...(system.database === null
          ? []
          : [{ ...rule(['apps'], ['deployments/scale'], ['get', 'update']), ...one(databaseWorkload) }]),
        // k8s.apply and k8s.patch: the one object that is there for it
        { ...rule([''], ['configmaps'], ['get', 'create', 'patch', 'delete']), ...one(runbookObject) },
        // k8s.suspend, and k8s.job, whose right to make Jobs is the right to run anything in the namespace
        rule(['batch'], ['cronjobs'], ['get', 'patch']),
        rule(['batch'], ['jobs'], ['get', 'create', 'patch']),
      ],
    },
    binding('RoleBinding', 'haetae-steps', system.namespace, 'Role', [ownAccount]),
  ]
}

function rule(apiGroups: string[], resources: string[], verbs: string[]): KubernetesObject {
  return { apiGroups, resources, verbs }
}

function binding(
  kind: 'ClusterRoleBinding' | 'RoleBinding',
  name: string,
  namespace: string | undefined,
  role: 'ClusterRole' | 'Role',
  accounts: string[],
): KubernetesObject {
  return {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind,
    metadata: { name, ...(namespace === undefined ? {} : { namespace }) },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: role, name },
    subjects: accounts.map((account) => ({
      kind: 'ServiceAccount',
      name: account,
      namespace: haetaeNamespace,
    })),
  }
}
