import type { KubeObject, ResourceRef } from '#platform/kubernetes/types.ts'
import type { Read } from './targets.ts'

/** One Deployment as its cluster tells it. */
export interface WorkloadState {
  deployment: string
  /** What is wanted of it by the step. */
  wanted: number
  /** Null when there is no such Deployment. */
  found: {
    uid: string
    resourceVersion: string
    replicas: number
    /** The newest generation is what runs: seen by its controller, all pods of it, none of an older one. */
    rolledOut: boolean
    ready: number
    /** What decides how many replicas it has, such as `Cluster/orders`; null when nothing does. */
    owner: string | null
    /** What its controller says when it cannot go on. */
    trouble: string | null
  } | null
}

export function deploymentRef(namespace: string, name: string): ResourceRef {
  return { apiVersion: 'apps/v1', resource: 'deployments', namespace, name }
}

/** Looks at every workload of a step's input. Throws Unreachable. */
export function lookAtWorkloads(
  ctx: Read,
  input: { namespace: string; workloads: readonly { deployment: string; replicas: number }[] },
): Promise<WorkloadState[]> {
  return Promise.all(
    input.workloads.map(async ({ deployment, replicas }) => {
      const object = await ctx.readers.kubernetes.get(deploymentRef(input.namespace, deployment), ctx.signal)
      return { deployment, wanted: replicas, found: object === undefined ? null : foundIn(object) }
    }),
  )
}

interface DeploymentStatus {
  observedGeneration?: number
  replicas?: number
  updatedReplicas?: number
  readyReplicas?: number
  conditions?: { type: string; status: string; message?: string }[]
}

function foundIn(object: KubeObject): NonNullable<WorkloadState['found']> {
  const replicas = (object['spec'] as { replicas?: number } | undefined)?.replicas ?? 1
  const status = (object['status'] ?? {}) as DeploymentStatus
  const seen = (status.observedGeneration ?? 0) >= (object.metadata.generation ?? 0)
  const updated = status.updatedReplicas ?? 0
  const bad = status.conditions?.find(
    ({ type, status: value }) =>
      (type === 'Progressing' && value === 'False') || (type === 'ReplicaFailure' && value === 'True'),
  )
  return {
    uid: object.metadata.uid ?? '',
    resourceVersion: object.metadata.resourceVersion ?? '',
    replicas,
    rolledOut: seen && updated === replicas && (status.replicas ?? 0) === updated,
    ready: status.readyReplicas ?? 0,
    owner: ownerOf(object),
    trouble: bad?.message ?? null,
  }
}

function ownerOf({ metadata }: KubeObject): string | null {
  const owners = (metadata['ownerReferences'] ?? []) as { kind: string; name: string; controller?: boolean }[]
  const owner = owners.find(({ controller }) => controller === true)
  return owner === undefined ? null : `${owner.kind}/${owner.name}`
}
