import { HaetaeError } from '#model/errors.ts'
import type { Localized } from '#model/localized.ts'
import { Unreachable, type Change } from '#runbook/step-type.ts'
import { refuseElsewhere } from './here.ts'
import { stopInput, type StopInput } from './inputs.ts'
import { refusalOf } from './k8s-dry-run.ts'
import { deploymentRef, lookAtWorkloads, type WorkloadState } from './k8s-look.ts'
import { targetOf } from './k8s-object.ts'
import { podsOf } from './k8s-pods.ts'
import { scaleOne } from './k8s-scale.ts'
import { stopOutput, type StopOutput } from './outputs.ts'
import { addressOf } from './pg-look.ts'
import type { Read, Step } from './targets.ts'

export interface StopState {
  workload: WorkloadState
  /** Pods that the cluster still has, those that are ending among them, with their nodes. */
  pods: { name: string; node: string | null }[]
  /** Something still speaks PostgreSQL at the database's address. */
  answers: boolean
}

const everyMs = 500

/**
 * Stops a PostgreSQL that runs in this site's cluster, and keeps it stopped: its workload is set to none, which the
 * cluster keeps over restarts of nodes and of itself. It is stopped when the cluster has no pod of it any more (a pod on
 * a node that does not report stays) and nothing answers at its address. People and other programs with rights in the
 * cluster can start it again. A managed database has no such workload: call its provider by http.call.
 */
export const pgStop: Step<StopInput, StopState, StopOutput> = {
  type: 'pg.stop',
  version: 1,
  effect: 'point-of-no-return',
  needsAuthority: false,
  precondition: { kind: 'checked', by: 'UID and resourceVersion of the workload, by the API server' },
  inverse: {
    kind: 'none',
    why: 'a database that was stopped for good starts again only under a new epoch of its site',
  },
  requires: [],
  input: stopInput,
  output: stopOutput,

  observe: lookAtDatabase,

  judge(_input, { workload, pods, answers }) {
    // What runs at the address, and whether anything does, cannot be told by a workload that is not there.
    if (workload.found === null) return 'unclear'
    return isStopped({ workload, pods, answers }) ? 'holds' : 'absent'
  },

  async plan(ctx, input, { workload, pods, answers }) {
    const target = nameOf(input)
    const after = { replicas: 0, pods: 0, answers: false }
    if (workload.found === null)
      return [
        { certainty: 'opaque', target, after, why: { ko: '그런 워크로드가 없음', en: 'there is none' } },
      ]
    const { replicas } = workload.found
    const change: Change = {
      certainty: 'exact',
      target,
      before: { replicas, pods: pods.length, answers },
      after,
    }
    if (workload.found.owner !== null) return [{ ...change, refused: owned(workload.found.owner).en }]
    if (replicas === 0) return [change]
    const refused = await refusalOf(scaleOne(ctx, ctx.readers.kubernetes.dryRun, input.namespace, workload))
    return [refused === undefined ? change : { ...change, refused }]
  },

  async apply(ctx, input, state) {
    refuseElsewhere(ctx.readers, input.site, `pg.stop of ${input.system}`)
    const { found } = state.workload
    if (found === null)
      throw new HaetaeError('workload-missing', nameOf(input), { facts: { namespace: input.namespace } })
    if (found.owner !== null)
      throw new HaetaeError('workload-owned', nameOf(input), { why: owned(found.owner) })
    if (found.replicas > 0) {
      await scaleOne(ctx, ctx.writers.kubernetes, input.namespace, state.workload)
      ctx.progress(`${input.deployment}: ${found.replicas} → 0`)
    }
    let seen = state
    do {
      await ctx.clock.sleep(everyMs, ctx.signal).catch(() => {
        throw stillRuns(input, seen)
      })
      seen = await lookAtDatabase(ctx, input)
    } while (!isStopped(seen))
    return outputOf(input)
  },

  adopt: outputOf,
  invert: () => 'none',
}

function isStopped({ workload, pods, answers }: StopState): boolean {
  return workload.found?.replicas === 0 && pods.length === 0 && !answers
}

async function lookAtDatabase(ctx: Read, input: StopInput): Promise<StopState> {
  refuseElsewhere(ctx.readers, input.site, `pg.stop of ${input.system}`)
  const { namespace, deployment } = input
  const workloads = [{ deployment, replicas: 0 }]
  const [[workload], pods, answers] = await Promise.all([
    lookAtWorkloads(ctx, { namespace, workloads }),
    podsOf(ctx, deploymentRef(namespace, deployment)),
    answersAt(ctx, input),
  ])
  return {
    workload: workload as WorkloadState,
    pods: pods.map(({ metadata, spec }) => ({
      name: metadata.name,
      node: (spec as { nodeName?: string } | undefined)?.nodeName ?? null,
    })),
    answers,
  }
}

/** Whoever refuses to let Haetae in is there. No answer is silence only while there is still time for one. */
async function answersAt(ctx: Read, input: StopInput): Promise<boolean> {
  try {
    await ctx.readers.database.read(addressOf(input), ctx.signal, (query) => query('SELECT 1'))
    return true
  } catch (error) {
    if (!(error instanceof Unreachable)) return true
    if (ctx.signal.aborted) throw error
    return false
  }
}

function stillRuns(input: StopInput, { pods, answers }: StopState): HaetaeError {
  const left = pods.map(({ name, node }) => (node === null ? name : `${name} (${node})`)).join(', ')
  return new HaetaeError('database-still-runs', nameOf(input), {
    why: {
      en: `pods: ${left || 'none'}; its address ${answers ? 'still answers' : 'is silent'}`,
      ko: `파드: ${left || '없음'}; 주소는 ${answers ? '아직 응답함' : '응답 없음'}`,
    },
    facts: { namespace: input.namespace, deployment: input.deployment, pods, answers },
  })
}

function owned(owner: string): Localized {
  return { en: `${owner} decides how many run, and would start it again`, ko: `${owner}이(가) 다시 기동함` }
}

function nameOf({ namespace, deployment }: StopInput): string {
  return targetOf({ kind: 'Deployment', namespace, name: deployment })
}

function outputOf({ deployment }: StopInput): StopOutput {
  return { deployment, replicas: 0 }
}
