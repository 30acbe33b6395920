import { z } from 'zod'
import { HaetaeError } from '#model/errors.ts'
import type { KubeObject, KubernetesWriter, ResourceRef } from '#platform/kubernetes/types.ts'
import { PartlyDone, PreconditionRefused } from '#runbook/step-type.ts'
import { effectKey } from './effect-key.ts'
import { refuseElsewhere } from './here.ts'
import { namespace, site } from './inputs.ts'
import { refusalOf } from './k8s-dry-run.ts'
import { missing, targetOf } from './k8s-object.ts'
import { reasonsOfPods } from './k8s-pods.ts'
import type { Act, Read, Step } from './targets.ts'

const everyMs = 500
/** How often the reasons of pods that do not run are asked for. */
const reasonsEvery = 6

export const jobInput = z
  .strictObject({
    site,
    namespace,
    cronJob: z
      .string()
      .min(1)
      .optional()
      .meta({ description: 'run what this CronJob would run, suspended or not' }),
    spec: z.looseObject({}).optional().meta({ description: 'or: the spec of a Job (batch/v1)' }),
  })
  .refine(({ cronJob, spec }) => (cronJob === undefined) !== (spec === undefined), 'give cronJob or spec')

export const jobOutput = z.strictObject({
  job: z.string().meta({ description: 'name of the Job' }),
  completedAt: z.string().nullable(),
})

export type JobInput = z.infer<typeof jobInput>
export type JobOutput = z.infer<typeof jobOutput>

export interface JobState {
  /** Name of the Job of this step; null while planning. */
  name: string | null
  /** Whether there is something to make a Job of. */
  template: boolean
  job: {
    uid: string
    phase: 'running' | 'complete' | 'failed'
    why: string | null
    completedAt: string | null
  } | null
}

/**
 * Runs a Job to its end, once: its name is made of the key of the step, so however often it is tried there is one of
 * it. A Job that failed is a question for a person, because nobody knows what it has done. It stays in the cluster.
 */
export const k8sJob: Step<JobInput, JobState, JobOutput> = {
  type: 'k8s.job',
  version: 2,
  effect: 'keyed',
  needsAuthority: true,
  precondition: { kind: 'checked', by: 'the name of the Job, which the API server makes once' },
  inverse: { kind: 'none', why: 'only its author knows what takes back what a Job has done' },
  requires: [],
  input: jobInput,
  output: jobOutput,

  async observe(ctx, input) {
    refuseElsewhere(ctx.readers, input.site, 'k8s.job')
    const name = ctx.key === undefined ? null : effectKey(ctx.key)
    const [spec, job] = await Promise.all([
      specOf(ctx, input),
      name === null ? undefined : ctx.readers.kubernetes.get(refTo(input, name), ctx.signal),
    ])
    return { name, template: spec !== undefined, job: job === undefined ? null : foundIn(job) }
  },

  judge: (_input, { job }) =>
    job?.phase === 'complete' ? 'holds' : job?.phase === 'failed' ? 'unclear' : 'absent',

  async plan(ctx, input, { template }) {
    const target = sourceOf(input)
    if (!template)
      return [{ certainty: 'opaque', target, why: { ko: '그런 CronJob이 없음', en: 'there is none' } }]
    const refused = await refusalOf(create(ctx, ctx.readers.kubernetes.dryRun, input, 'haetae-dry-run'))
    const change = { certainty: 'exact' as const, target, after: 'one Job, run to its end' }
    return [refused === undefined ? change : { ...change, refused }]
  },

  async apply(ctx, input, { job, template }) {
    refuseElsewhere(ctx.readers, input.site, 'k8s.job')
    const name = effectKey(ctx.key)
    if (job === null && !template) throw missing(input.site, { kind: 'CronJob', ...named(input) })
    if (job === null) await createOnce(ctx, input, name)
    return outputOf(name, await untilEnded(ctx, input, name))
  },

  adopt(_input, { name, job }) {
    if (name === null || job === null) throw new Error('no Job was run yet')
    return outputOf(name, job)
  },

  invert: () => 'none',
}

type Job = NonNullable<JobState['job']>

function refTo({ namespace }: JobInput, name: string): ResourceRef {
  return { apiVersion: 'batch/v1', resource: 'jobs', namespace, name }
}

function named({ namespace, cronJob = '' }: JobInput) {
  return { namespace, name: cronJob }
}

function sourceOf(input: JobInput): string {
  return input.cronJob === undefined
    ? `a Job in ${input.namespace}`
    : targetOf({ kind: 'CronJob', ...named(input) })
}

/** What the Job is to do; undefined when its CronJob is not there. */
async function specOf(
  ctx: Read,
  { namespace, cronJob, spec }: JobInput,
): Promise<Record<string, unknown> | undefined> {
  if (cronJob === undefined) return spec
  const ref = { apiVersion: 'batch/v1', resource: 'cronjobs', namespace, name: cronJob }
  const object = await ctx.readers.kubernetes.get(ref, ctx.signal)
  const found = object?.['spec'] as { jobTemplate?: { spec?: Record<string, unknown> } } | undefined
  return found?.jobTemplate?.spec
}

/** One that would be removed by itself when it has ended would be run again by the next look. */
async function create(
  ctx: Read,
  kubernetes: KubernetesWriter,
  input: JobInput,
  name: string,
): Promise<KubeObject> {
  const { ttlSecondsAfterFinished: _, ...spec } = (await specOf(ctx, input)) ?? {}
  const labels = { 'app.kubernetes.io/managed-by': 'haetae' }
  const object = { apiVersion: 'batch/v1', kind: 'Job', metadata: { name, labels }, spec }
  return kubernetes.create(refTo(input, name), object, ctx.signal)
}

/** A Job of that name is this step's own: an earlier request that seemed lost has made it. */
async function createOnce(ctx: Act, input: JobInput, name: string): Promise<void> {
  try {
    await create(ctx, ctx.writers.kubernetes, input, name)
    ctx.progress(`${name}: started`)
  } catch (error) {
    if (!(error instanceof PreconditionRefused)) throw error
  }
}

async function untilEnded(ctx: Act, input: JobInput, name: string): Promise<Job> {
  for (let round = 0; ; round++) {
    const object = await ctx.readers.kubernetes.get(refTo(input, name), ctx.signal)
    if (object === undefined) throw missing(input.site, { kind: 'Job', namespace: input.namespace, name })
    const job = foundIn(object)
    if (job.phase === 'complete') return job
    if (job.phase === 'failed') throw new PartlyDone(failed(input, name, job.why))
    if (round % reasonsEvery === reasonsEvery - 1) {
      const reasons = await reasonsOfPods(ctx, refTo(input, name))
      if (reasons.length > 0) ctx.progress(reasons.join('; '))
    }
    await ctx.clock.sleep(everyMs, ctx.signal)
  }
}

/** Nobody knows what it had done by then. */
function failed({ namespace }: JobInput, name: string, why: string | null): HaetaeError {
  return new HaetaeError('job-failed', targetOf({ kind: 'Job', namespace, name }), {
    why: why ?? 'the cluster gives no reason',
    facts: { namespace, job: name },
  })
}

interface JobStatus {
  completionTime?: string
  conditions?: { type: string; status: string; reason?: string; message?: string }[]
}

function foundIn(object: KubeObject): Job {
  const { conditions = [], completionTime } = (object['status'] ?? {}) as JobStatus
  const ended = conditions.find(
    ({ type, status }) => status === 'True' && (type === 'Complete' || type === 'Failed'),
  )
  const why = ended?.type === 'Failed' ? [ended.reason, ended.message].filter(Boolean).join(': ') : null
  return {
    uid: object.metadata.uid ?? '',
    phase: ended === undefined ? 'running' : ended.type === 'Failed' ? 'failed' : 'complete',
    why,
    completedAt: completionTime ?? null,
  }
}

function outputOf(job: string, { completedAt }: Job): JobOutput {
  return { job, completedAt }
}
