import type { KubeObject, ResourceRef } from '#platform/kubernetes/types.ts'
import type { Read } from './targets.ts'

/** Why the pods of a workload or a Job do not run, in the cluster's own words; nothing when it may not be asked. */
export async function reasonsOfPods(ctx: Read, owner: ResourceRef): Promise<string[]> {
  return (await podsOf(ctx, owner).catch(() => [])).flatMap(reasonsOfPod)
}

/** The pods of a workload or a Job that the cluster still has; none when there is no such owner. */
export async function podsOf(ctx: Read, owner: ResourceRef): Promise<KubeObject[]> {
  const object = await ctx.readers.kubernetes.get(owner, ctx.signal)
  const spec = object?.['spec'] as { selector?: { matchLabels?: Record<string, string> } } | undefined
  const labels = Object.entries(spec?.selector?.matchLabels ?? {}).map(([name, value]) => `${name}=${value}`)
  if (labels.length === 0) return []
  const pods = { apiVersion: 'v1', resource: 'pods', ...(owner.namespace && { namespace: owner.namespace }) }
  return ctx.readers.kubernetes.list(pods, ctx.signal, { labelSelector: labels.join(',') })
}

interface PodStatus {
  conditions?: { type: string; status: string; reason?: string; message?: string }[]
  containerStatuses?: { name: string; state?: { waiting?: { reason?: string; message?: string } } }[]
}

function reasonsOfPod(pod: KubeObject): string[] {
  const status = (pod['status'] ?? {}) as PodStatus
  const unscheduled = status.conditions?.find(
    ({ type, status: value }) => type === 'PodScheduled' && value === 'False',
  )
  const waiting = (status.containerStatuses ?? []).flatMap(({ name, state }) => {
    const reason = state?.waiting?.reason
    return reason === undefined || reason === 'ContainerCreating'
      ? []
      : [`${pod.metadata.name}/${name}: ${reason}`]
  })
  if (unscheduled === undefined) return waiting
  return [`${pod.metadata.name}: ${unscheduled.reason ?? ''} ${unscheduled.message ?? ''}`.trim(), ...waiting]
}
