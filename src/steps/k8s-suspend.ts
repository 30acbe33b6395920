import { z } from 'zod'
import type { KubernetesWriter, KubeObject, ResourceRef } from '#platform/kubernetes/types.ts'
import type { Change, ChangedSince } from '#runbook/step-type.ts'
import { refuseElsewhere } from './here.ts'
import { leftOf, namespace, site } from './inputs.ts'
import { refusalOf } from './k8s-dry-run.ts'
import { changedSince, changeEach, changeSeen, missing, seenOf, targetOf, type Seen } from './k8s-object.ts'
import { refuseChanged } from './refuse-changed.ts'
import type { Read, Step } from './targets.ts'

const job = z.strictObject({
  kind: z.enum(['CronJob', 'Job']).default('CronJob').meta({ description: 'of the object' }),
  name: z.string().min(1).meta({ description: 'of the object' }),
  suspend: z.boolean().default(true).meta({ description: 'false: it goes on' }),
  left: z
    .strictObject({
      uid: z.string().meta({ description: 'of the object' }),
      suspended: z.boolean().meta({ description: 'whether it was suspended' }),
    })
    .optional()
    .meta({ description: leftOf }),
})

export const suspendInput = z.strictObject({
  site,
  namespace,
  jobs: z.array(job).min(1).meta({ description: 'what is suspended, or goes on' }),
})

export const suspendOutput = z.strictObject({
  jobs: z.array(
    z.strictObject({ kind: z.enum(['CronJob', 'Job']), name: z.string(), suspended: z.boolean() }),
  ),
})

export type SuspendInput = z.infer<typeof suspendInput>
export type SuspendOutput = z.infer<typeof suspendOutput>
type Job = SuspendInput['jobs'][number]

/** One of the jobs, and what is there of it. */
export interface SuspendState extends Job {
  found: (Seen & { suspended: boolean }) | null
}

/**
 * Suspends CronJobs and Jobs, or lets them go on, in the order given. A suspended CronJob starts nothing more, but what
 * it started goes on; a Job that is suspended ends its pods and begins anew with others later. Only to suspend it needs
 * no authority.
 */
export const k8sSuspend: Step<SuspendInput, SuspendState[], SuspendOutput> = {
  type: 'k8s.suspend',
  version: 2,
  effect: 'idempotent',
  needsAuthority: ({ jobs }) => jobs.some(({ suspend }) => !suspend),
  precondition: { kind: 'checked', by: 'resourceVersion, by the API server' },
  inverse: { kind: 'step', type: 'k8s.suspend' },
  requires: [],
  input: suspendInput,
  output: suspendOutput,

  async observe(ctx, input) {
    refuseElsewhere(ctx.readers, input.site, 'k8s.suspend')
    return Promise.all(input.jobs.map((each) => look(ctx, input.namespace, each)))
  },

  judge(input, state) {
    if (state.every(isAsWanted)) return 'holds'
    return changedOf(input, state).length > 0 ? 'unclear' : 'absent'
  },

  targets: ({ namespace, jobs }) => jobs.map((each) => targetOf({ ...each, namespace })),

  plan(ctx, input, state) {
    return Promise.all(state.filter((each) => !isAsWanted(each)).map((each) => changeOf(ctx, input, each)))
  },

  async apply(ctx, input, state) {
    refuseElsewhere(ctx.readers, input.site, 'k8s.suspend')
    const { namespace } = input
    refuseChanged(changedOf(input, state))
    const jobs = state.flatMap(({ found, ...each }) => {
      if (found === null) throw missing(input.site, { ...each, namespace })
      return isAsWanted({ ...each, found }) ? [] : [{ ...each, found }]
    })
    await changeEach(jobs, async (each) => {
      const again = async () => (await look(ctx, namespace, each)).found
      await changeSeen(each.found, again, (found) =>
        send(ctx, ctx.writers.kubernetes, namespace, each, found),
      )
      ctx.progress(`${each.kind}/${each.name}: ${each.suspend ? 'suspended' : 'goes on'}`)
    })
    return outputOf(state.map((each) => ({ ...each, suspended: each.suspend })))
  },

  adopt: (_input, state) =>
    outputOf(state.map((each) => ({ ...each, suspended: each.found?.suspended ?? false }))),

  invert(input, before) {
    const jobs = before.flatMap(({ kind, name, suspend, found }) =>
      found === null || found.suspended === suspend
        ? []
        : [{ kind, name, suspend: found.suspended, left: { uid: found.uid, suspended: suspend } }],
    )
    return jobs.length === 0 ? 'none' : { type: 'k8s.suspend', with: { ...input, jobs: jobs.reverse() } }
  },

  changedSince: changedOf,
}

function changedOf({ namespace }: SuspendInput, state: readonly SuspendState[]): ChangedSince[] {
  return state.flatMap((each) => {
    const { left, found } = each
    if (left === undefined || isAsWanted(each)) return []
    const now = found === null ? null : { uid: found.uid, suspended: found.suspended }
    return changedSince(targetOf({ ...each, namespace }), left, now)
  })
}

function isAsWanted({ found, suspend }: SuspendState): boolean {
  return found !== null && found.suspended === suspend
}

async function look(ctx: Read, namespace: string, each: Job): Promise<SuspendState> {
  const object = await ctx.readers.kubernetes.get(refTo(namespace, each), ctx.signal)
  const found = object === undefined ? null : { ...seenOf(object), suspended: isSuspended(object) }
  return { ...each, found }
}

function isSuspended(object: KubeObject): boolean {
  return (object['spec'] as { suspend?: boolean } | undefined)?.suspend === true
}

function refTo(namespace: string, { kind, name }: Job): ResourceRef {
  return { apiVersion: 'batch/v1', resource: kind === 'Job' ? 'jobs' : 'cronjobs', namespace, name }
}

function send(ctx: Read, kubernetes: KubernetesWriter, namespace: string, each: Job, seen: Seen) {
  const { resourceVersion } = seen
  const patch = { metadata: { resourceVersion }, spec: { suspend: each.suspend } }
  return kubernetes.patch(refTo(namespace, each), patch, ctx.signal)
}

async function changeOf(ctx: Read, { namespace }: SuspendInput, each: SuspendState): Promise<Change> {
  const target = targetOf({ ...each, namespace })
  const after = { suspend: each.suspend }
  if (each.found === null)
    return { certainty: 'opaque', target, after, why: { ko: '그런 작업이 없음', en: 'there is none' } }
  const change: Change = { certainty: 'exact', target, before: { suspend: each.found.suspended }, after }
  const refused = await refusalOf(send(ctx, ctx.readers.kubernetes.dryRun, namespace, each, each.found))
  return refused === undefined ? change : { ...change, refused }
}

function outputOf(jobs: readonly (Job & { suspended: boolean })[]): SuspendOutput {
  return { jobs: jobs.map(({ kind, name, suspended }) => ({ kind, name, suspended })) }
}
