import { HaetaeError } from '#model/errors.ts'
import type { KubernetesWriter } from '#platform/kubernetes/types.ts'
import { PreconditionRefused, type Change, type ChangedSince } from '#runbook/step-type.ts'
import { refuseElsewhere } from './here.ts'
import { scaleInput, type ScaleInput } from './inputs.ts'
import { refusalOf } from './k8s-dry-run.ts'
import { deploymentRef, lookAtWorkloads, type WorkloadState } from './k8s-look.ts'
import { changedSince, changeEach, targetOf } from './k8s-object.ts'
import { scaleOutput, type ScaleOutput } from './outputs.ts'
import { refuseChanged } from './refuse-changed.ts'
import type { Read, Step } from './targets.ts'

/**
 * Sets how many replicas each workload should have, in the order given. Waiting for them is `k8s.wait`. Only to none it
 * needs no authority.
 */
export const k8sScale: Step<ScaleInput, WorkloadState[], ScaleOutput> = {
  type: 'k8s.scale',
  version: 2,
  effect: 'idempotent',
  needsAuthority: ({ workloads }) => workloads.some(({ replicas }) => replicas > 0),
  precondition: { kind: 'checked', by: 'UID and resourceVersion, by the API server' },
  inverse: { kind: 'step', type: 'k8s.scale' },
  requires: [],
  input: scaleInput,
  output: scaleOutput,

  async observe(ctx, input) {
    refuseElsewhere(ctx.readers, input.site, 'k8s.scale')
    return lookAtWorkloads(ctx, input)
  },

  judge(input, state) {
    if (state.every(isAsWanted)) return 'holds'
    return changedOf(input, state).length > 0 ? 'unclear' : 'absent'
  },

  targets: ({ namespace, workloads }) => workloads.map(({ deployment }) => nameOf(namespace, deployment)),

  plan(ctx, input, state) {
    const changing = state.filter((one) => !isAsWanted(one))
    return Promise.all(changing.map((one) => changeOf(ctx, input, one)))
  },

  async apply(ctx, input, state) {
    refuseElsewhere(ctx.readers, input.site, 'k8s.scale')
    refuseChanged(changedOf(input, state))
    const none = state.find(({ found }) => found === null)
    if (none !== undefined) throw missing(input, none)
    const changing = state.filter((one) => !isAsWanted(one))
    await changeEach(changing, async (workload) => {
      await scaleOne(ctx, ctx.writers.kubernetes, input.namespace, workload)
      ctx.progress(`${workload.deployment}: ${workload.found?.replicas} → ${workload.wanted}`)
    })
    return { workloads: input.workloads.map(({ deployment, replicas }) => ({ deployment, replicas })) }
  },

  adopt: (_input, state) => outputOf(state),

  invert(input, before) {
    const workloads = before.flatMap(({ deployment, wanted, found }) =>
      found === null || found.replicas === wanted
        ? []
        : [{ deployment, replicas: found.replicas, left: { uid: found.uid, replicas: wanted } }],
    )
    if (workloads.length === 0) return 'none'
    // Taken down in the reverse of the order in which they came up.
    return { type: 'k8s.scale', with: { ...input, workloads: workloads.reverse() } }
  },

  changedSince: changedOf,
}

function isAsWanted({ found, wanted }: WorkloadState): boolean {
  return found !== null && found.replicas === wanted
}

function changedOf({ namespace, workloads }: ScaleInput, state: readonly WorkloadState[]): ChangedSince[] {
  return state.flatMap((one, index) => {
    const left = workloads[index]?.left
    if (left === undefined || isAsWanted(one)) return []
    const { found, deployment } = one
    const now = found === null ? null : { uid: found.uid, replicas: found.replicas }
    return changedSince(nameOf(namespace, deployment), left, now)
  })
}

function nameOf(namespace: string, deployment: string): string {
  return targetOf({ kind: 'Deployment', namespace, name: deployment })
}

/**
 * A Deployment's resourceVersion moves with its status too. When the server refuses, it is looked at again:
 * the same object with the replicas that were seen is still what was decided about; anything else is refused.
 */
export async function scaleOne(
  ctx: Read,
  kubernetes: Pick<KubernetesWriter, 'scale'>,
  namespace: string,
  workload: WorkloadState,
): Promise<void> {
  const ref = deploymentRef(namespace, workload.deployment)
  let seen = workload.found as NonNullable<WorkloadState['found']>
  for (let attempt = 1; ; attempt++) {
    try {
      const { uid, resourceVersion } = seen
      await kubernetes.scale(ref, workload.wanted, { uid, resourceVersion }, ctx.signal)
      return
    } catch (error) {
      if (!(error instanceof PreconditionRefused) || attempt >= 10) throw error
      const wanted = [{ deployment: workload.deployment, replicas: workload.wanted }]
      const again = (await lookAtWorkloads(ctx, { namespace, workloads: wanted }))[0]?.found ?? null
      if (again?.uid !== seen.uid || again.replicas !== seen.replicas) throw error
      seen = again
    }
  }
}

function missing(input: ScaleInput, workload: WorkloadState): HaetaeError {
  return new HaetaeError('workload-missing', nameOf(input.namespace, workload.deployment), {
    facts: { namespace: input.namespace, deployment: workload.deployment, site: input.site },
  })
}

async function changeOf(ctx: Read, { namespace }: ScaleInput, workload: WorkloadState): Promise<Change> {
  const { deployment, found, wanted } = workload
  const target = nameOf(namespace, deployment)
  const after = { replicas: wanted }
  if (found === null)
    return { certainty: 'opaque', target, after, why: { ko: '그런 워크로드가 없음', en: 'there is none' } }
  const change: Change = { certainty: 'exact', target, before: { replicas: found.replicas }, after }
  const refused = await refusalOf(scaleOne(ctx, ctx.readers.kubernetes.dryRun, namespace, workload))
  return refused === undefined ? change : { ...change, refused }
}

/** Whether they are ready is another step's matter: here it would differ from one moment to the next. */
function outputOf(states: readonly WorkloadState[]): ScaleOutput {
  return {
    workloads: states.map(({ deployment, found }) => ({ deployment, replicas: found?.replicas ?? 0 })),
  }
}
