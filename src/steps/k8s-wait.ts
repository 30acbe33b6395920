import { HaetaeError } from '#model/errors.ts'
import { refuseElsewhere } from './here.ts'
import { waitInput, type WaitInput } from './inputs.ts'
import { deploymentRef, lookAtWorkloads, type WorkloadState } from './k8s-look.ts'
import { reasonsOfPods } from './k8s-pods.ts'
import { waitOutput, type WaitOutput } from './outputs.ts'
import type { Act, Step } from './targets.ts'

const everyMs = 500
/** How often the reasons of pods that do not come up are asked for. */
const reasonsEvery = 6

/** Waits until the newest generation of each workload is rolled out and that many replicas are ready. */
export const k8sWait: Step<WaitInput, WorkloadState[], WaitOutput> = {
  type: 'k8s.wait',
  version: 1,
  effect: 'read',
  needsAuthority: false,
  precondition: { kind: 'unfenced', why: 'it changes nothing' },
  inverse: { kind: 'none', why: 'it changes nothing' },
  requires: [],
  input: waitInput,
  output: waitOutput,

  async observe(ctx, input) {
    refuseElsewhere(ctx.readers, input.site, 'k8s.wait')
    return lookAtWorkloads(ctx, input)
  },

  judge: (_input, state) => (state.every(isReady) ? 'holds' : 'absent'),
  plan: async () => [],

  async apply(ctx, input, state) {
    let seen = state
    let reasons: string[] = []
    for (let round = 0; !seen.every(isReady); round++) {
      if (round % reasonsEvery === 0 && round > 0) {
        reasons = await reasonsOf(ctx, input.namespace, seen)
        if (reasons.length > 0) ctx.progress(reasons.join('; '))
      }
      try {
        await ctx.clock.sleep(everyMs, ctx.signal)
      } catch {
        throw notReady(input, seen, reasons)
      }
      seen = await lookAtWorkloads(ctx, input)
    }
    return outputOf(seen)
  },

  adopt: (_input, state) => outputOf(state),
  invert: () => 'none',
}

function isReady({ found, wanted }: WorkloadState): boolean {
  return found !== null && found.rolledOut && found.replicas === wanted && found.ready === wanted
}

function notReady(
  input: WaitInput,
  states: readonly WorkloadState[],
  reasons: readonly string[],
): HaetaeError {
  const open = states.filter((state) => !isReady(state))
  const counts = open.map(({ deployment, wanted, found }) =>
    found === null ? `${deployment}: there is none` : `${deployment}: ${found.ready} of ${wanted} ready`,
  )
  return new HaetaeError(
    'workload-not-ready',
    `${open.map((one) => one.deployment).join(', ')} in ${input.namespace}`,
    {
      why: [...counts, ...reasons].join('; '),
      facts: { namespace: input.namespace, workloads: open },
    },
  )
}

/** Why pods do not come up, in the cluster's own words; nothing when it may not be asked. */
async function reasonsOf(ctx: Act, namespace: string, states: readonly WorkloadState[]): Promise<string[]> {
  const open = states.filter((state) => !isReady(state))
  const found = await Promise.all(
    open.map(async ({ deployment, found: workload }) => {
      const trouble = workload?.trouble == null ? [] : [`${deployment}: ${workload.trouble}`]
      return [...trouble, ...(await reasonsOfPods(ctx, deploymentRef(namespace, deployment)))]
    }),
  )
  return [...new Set(found.flat())].slice(0, 10)
}

function outputOf(states: readonly WorkloadState[]): WaitOutput {
  return {
    workloads: states.map(({ deployment, found }) => ({
      deployment,
      replicas: found?.replicas ?? 0,
      ready: found?.ready ?? 0,
    })),
  }
}
