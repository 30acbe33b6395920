import { describe, expect, test } from 'vitest'
import { PreconditionRefused } from '#runbook/step-type.ts'
import { jobInput, k8sJob } from '#steps/k8s-job.ts'
import { k8sSuspend, suspendInput, type SuspendInput } from '#steps/k8s-suspend.ts'
import { kubeSteps } from '../../support/kube-steps.ts'
import { conforms } from '../../support/step-conformance.ts'
import { acting, planning } from '../../support/step-contexts.ts'

const kube = kubeSteps()

const pods = { containers: [{ name: 'work', image: 'work' }], restartPolicy: 'Never' }

function cronJob(namespace: string, name: string, job: object = {}) {
  const spec = { schedule: '0 3 * * *', jobTemplate: { spec: { template: { spec: pods }, ...job } } }
  return { apiVersion: 'batch/v1', kind: 'CronJob', metadata: { name, namespace }, spec }
}

/** It waits for a node that is not there: it runs for as long as the test wants. */
function endless(namespace: string, name: string) {
  const template = { spec: { ...pods, nodeSelector: { kind: 'none-such' } } }
  return { apiVersion: 'batch/v1', kind: 'Job', metadata: { name, namespace }, spec: { template } }
}

async function namesOf(namespace: string, resource: string): Promise<string[]> {
  const listed = await kube.kubectl(namespace, 'get', resource, '-o', 'name')
  return listed.split('\n').filter(Boolean)
}

describe('k8s.suspend', () => {
  const suspending = (namespace: string): SuspendInput =>
    suspendInput.parse({
      ...{ site: 'gwangju', namespace },
      jobs: [{ name: 'close-day' }, { kind: 'Job', name: 'load' }],
    })

  conforms(k8sSuspend, async () => {
    const namespace = await kube.namespace()
    await kube.create(cronJob(namespace, 'close-day'), endless(namespace, 'load'))
    const suspended = 'jsonpath={range .items[*]}{.metadata.uid} {.spec.suspend} {end}'
    return {
      input: suspending(namespace),
      targets: kube.targets,
      written: () => kube.cluster.written(namespace),
      output: ({ jobs }) =>
        expect(jobs).toEqual([
          { kind: 'CronJob', name: 'close-day', suspended: true },
          { kind: 'Job', name: 'load', suspended: true },
        ]),
      meddle: async () =>
        void (await kube.kubectl(
          namespace,
          'patch',
          'cronjob/close-day',
          '-p',
          '{"spec":{"schedule":"0 4 * * *"}}',
        )),
      others: {
        there: () => kube.kubectl(namespace, 'get', 'cronjobs,jobs', '-o', suspended),
        // Made anew, and suspended by whoever made it.
        async change() {
          await kube.kubectl(namespace, 'delete', 'job/load')
          const { spec, ...rest } = endless(namespace, 'load')
          await kube.create({ ...rest, spec: { ...spec, suspend: true } })
        },
        changeBeside: async () => void (await kube.kubectl(namespace, 'label', 'cronjobs', '--all', 'a=b')),
      },
      silent: kube.silent,
    }
  })

  test('a version that moved by the status alone is no reason to refuse', async () => {
    const namespace = await kube.namespace()
    await kube.create(cronJob(namespace, 'close-day'))
    const input = suspendInput.parse({ site: 'gwangju', namespace, jobs: [{ name: 'close-day' }] })
    const ctx = acting(kube.targets)
    const state = await k8sSuspend.observe(ctx, input)
    const status = '{"status":{"lastScheduleTime":"2026-03-01T00:00:00Z"}}'
    await kube.kubectl(
      namespace,
      'patch',
      'cronjob/close-day',
      '--subresource=status',
      '--type=merge',
      '-p',
      status,
    )
    await k8sSuspend.apply(ctx, input, state)
    // The cluster's own controller may move the status once more meanwhile.
    const written = await kube.cluster.written(namespace)
    expect(new Set(written)).toEqual(
      new Set(['patch cronjobs/close-day 409', 'patch cronjobs/close-day 200']),
    )
    expect(written.indexOf('patch cronjobs/close-day 200')).toBe(written.length - 1)
  })

  test('what was suspended before stays so when the step is taken back', async () => {
    const namespace = await kube.namespace()
    const { spec, ...rest } = cronJob(namespace, 'close-day')
    await kube.create({ ...rest, spec: { ...spec, suspend: true } }, endless(namespace, 'load'))
    const ctx = acting(kube.targets)
    const input = suspending(namespace)
    const inverse = k8sSuspend.invert(input, await k8sSuspend.observe(ctx, input))
    const left = { uid: expect.any(String) as string, suspended: true }
    expect(inverse).toEqual({
      type: 'k8s.suspend',
      with: { ...input, jobs: [{ kind: 'Job', name: 'load', suspend: false, left }] },
    })
  })

  test('one that is not there is named', async () => {
    const namespace = await kube.namespace()
    const input = suspending(namespace)
    const ctx = acting(kube.targets)
    const state = await k8sSuspend.observe(ctx, input)
    expect(await k8sSuspend.plan(ctx, input, state)).toMatchObject([
      { certainty: 'opaque', target: `CronJob/close-day in ${namespace}` },
      { certainty: 'opaque', target: `Job/load in ${namespace}` },
    ])
    await expect(k8sSuspend.apply(ctx, input, state)).rejects.toMatchObject({ code: 'object-missing' })
  })
})

describe('k8s.job of a CronJob', () => {
  conforms(k8sJob, async () => {
    const namespace = await kube.namespace()
    await kube.create(cronJob(namespace, 'close-day', { ttlSecondsAfterFinished: 0 }))
    return {
      input: jobInput.parse({ site: 'gwangju', namespace, cronJob: 'close-day' }),
      targets: kube.targets,
      written: async () => [
        ...(await kube.cluster.written(namespace)),
        ...(await namesOf(namespace, 'jobs')),
      ],
      output: ({ job, completedAt }) => {
        expect(job).toMatch(/^haetae-[0-9a-f]{24}$/)
        expect(completedAt).not.toBeNull()
      },
      silent: kube.silent,
      state: { name: 'any', template: true, job: null },
    }
  })
})

describe('k8s.job of a spec', () => {
  conforms(k8sJob, async () => {
    const namespace = await kube.namespace()
    return {
      input: jobInput.parse({ site: 'gwangju', namespace, spec: { template: { spec: pods } } }),
      targets: kube.targets,
      written: async () => [
        ...(await kube.cluster.written(namespace)),
        ...(await namesOf(namespace, 'jobs')),
      ],
    }
  })
})

describe('k8s.job', () => {
  test('a Job that was made by a request whose answer was lost is found, and waited for', async () => {
    const namespace = await kube.namespace()
    await kube.create(cronJob(namespace, 'close-day'))
    const input = jobInput.parse({ site: 'gwangju', namespace, cronJob: 'close-day' })
    const ctx = acting(kube.targets)
    const before = await k8sJob.observe(ctx, input)
    await k8sJob.apply(ctx, input, before)
    // The state of before it was made: the name is taken, and what has it is this step's own.
    await k8sJob.apply(ctx, input, before)
    expect(await namesOf(namespace, 'jobs')).toHaveLength(1)
    expect(await kube.cluster.written(namespace)).toMatchObject([
      /create jobs\/.* 201/,
      /create jobs\/.* 409/,
    ])
  })

  test('a Job that failed is unclear, with the reason of the cluster', async () => {
    const namespace = await kube.namespace()
    const template = { spec: { ...pods, nodeSelector: { kind: 'none-such' } } }
    const input = jobInput.parse({ site: 'gwangju', namespace, spec: { template, activeDeadlineSeconds: 1 } })
    const ctx = acting(kube.targets)
    await expect(k8sJob.apply(ctx, input, await k8sJob.observe(ctx, input))).rejects.toMatchObject({
      name: 'PartlyDone',
      cause: { code: 'job-failed', why: expect.stringContaining('DeadlineExceeded') as string },
    })
    expect(k8sJob.judge(input, await k8sJob.observe(ctx, input))).toBe('unclear')
  })

  test('what its pods wait for is told while it runs', async () => {
    const namespace = await kube.namespace()
    const template = { spec: { ...pods, nodeSelector: { kind: 'none-such' } } }
    const input = jobInput.parse({ site: 'gwangju', namespace, spec: { template } })
    const stop = new AbortController()
    const ctx = acting(kube.targets, { signal: stop.signal })
    const running = k8sJob.apply(ctx, input, await k8sJob.observe(ctx, input))
    await expect.poll(() => ctx.said.join()).toContain('Unschedulable')
    stop.abort(new Error('enough'))
    await expect(running).rejects.toThrow()
    expect(k8sJob.judge(input, await k8sJob.observe(acting(kube.targets), input))).toBe('absent')
  })

  test('the plan says what would be run, and what the server has against it', async () => {
    const namespace = await kube.namespace()
    const ctx = planning(kube.targets)
    const none = jobInput.parse({ site: 'gwangju', namespace, cronJob: 'close-day' })
    expect(await k8sJob.plan(ctx, none, await k8sJob.observe(ctx, none))).toMatchObject([
      { certainty: 'opaque', target: `CronJob/close-day in ${namespace}` },
    ])
    const invalid = jobInput.parse({ site: 'gwangju', namespace, spec: { template: { spec: {} } } })
    expect(await k8sJob.plan(ctx, invalid, await k8sJob.observe(ctx, invalid))).toMatchObject([
      { certainty: 'exact', refused: expect.stringContaining('containers') as string },
    ])
  })

  test('it is given a CronJob or a spec, and not both', () => {
    const base = { site: 'gwangju', namespace: 'any' }
    expect(jobInput.safeParse(base).success).toBe(false)
    expect(jobInput.safeParse({ ...base, cronJob: 'x', spec: {} }).success).toBe(false)
  })
})

test('a suspended CronJob that somebody made anew is not what was looked at', async () => {
  const namespace = await kube.namespace()
  await kube.create(cronJob(namespace, 'close-day'))
  const input = suspendInput.parse({ site: 'gwangju', namespace, jobs: [{ name: 'close-day' }] })
  const ctx = acting(kube.targets)
  const state = await k8sSuspend.observe(ctx, input)
  await kube.kubectl(namespace, 'delete', 'cronjob/close-day')
  await kube.create(cronJob(namespace, 'close-day'))
  await expect(k8sSuspend.apply(ctx, input, state)).rejects.toBeInstanceOf(PreconditionRefused)
})
