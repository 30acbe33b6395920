import { describe, expect, test } from 'vitest'
import { observePlan } from '#plan/observe.ts'
import { systemClock } from '#platform/clock.ts'
import { PreconditionRefused } from '#runbook/step-type.ts'
import { stepTypes } from '#steps/index.ts'
import { applyInput, k8sApply, type ApplyInput } from '#steps/k8s-apply.ts'
import { k8sPatch, patchInput, type PatchInput } from '#steps/k8s-patch.ts'
import { runbookObject } from '../../../lab/systems/access.ts'
import { kubeSteps } from '../../support/kube-steps.ts'
import { node, planOf } from '../../sim/world/plans.ts'
import { conforms, type Others } from '../../support/step-conformance.ts'
import { acting, planning } from '../../support/step-contexts.ts'

const kube = kubeSteps()
const name = runbookObject

/** The config map as people and programs see it, without what the server keeps of it. */
async function dataOf(namespace: string): Promise<unknown> {
  const text = await kube.kubectl(namespace, 'get', 'configmap', name, '-o', 'json', '--ignore-not-found')
  return text === '' ? null : (JSON.parse(text) as { data?: unknown }).data
}

function configMap(namespace: string, data: Record<string, string>) {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace }, data }
}

function applying(namespace: string, data: Record<string, string>, more: object = {}): ApplyInput {
  const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, labels: { by: 'runbook' } }, data }
  return applyInput.parse({ site: 'gwangju', namespace, object, ...more })
}

async function applied(input: ApplyInput): Promise<void> {
  const ctx = acting(kube.targets)
  await k8sApply.apply(ctx, input, await k8sApply.observe(ctx, input))
}

const nothingSeen = { found: null, change: { before: {}, after: {} }, refused: null }

/** Others who change the config map by kubectl: a field of the step's, and one that nobody had. */
function others(namespace: string, change = { data: { mode: 'other' } } as object, beside?: object): Others {
  const patch = async (what: object) =>
    void (await kube.kubectl(namespace, 'patch', `configmap/${name}`, '-p', JSON.stringify(what)))
  return {
    async there() {
      const data = (await dataOf(namespace)) as Record<string, string> | null
      return data === null ? null : { ...data, beside: undefined }
    },
    change: () => patch(change),
    changeBeside: () => patch(beside ?? { data: { beside: 'yes' } }),
  }
}

describe('k8s.apply of an object that is not there', () => {
  conforms(k8sApply, async () => {
    const namespace = await kube.namespace()
    return {
      input: applying(namespace, { mode: 'maintenance' }),
      targets: kube.targets,
      written: () => kube.cluster.written(namespace),
      meddle: () => kube.create(configMap(namespace, { mode: 'normal' })),
      // It would be removed with what others put into it, but for labels.
      others: others(namespace, { data: { more: 'theirs' } }, { metadata: { labels: { theirs: 'yes' } } }),
      silent: kube.silent,
    }
  })
})

describe('k8s.apply of an object that Haetae has applied before', () => {
  conforms(k8sApply, async () => {
    const namespace = await kube.namespace()
    await applied(applying(namespace, { mode: 'normal', notice: 'none' }))
    const first = await kube.cluster.written(namespace)
    return {
      input: applying(namespace, { mode: 'maintenance' }),
      targets: kube.targets,
      others: others(namespace),
      written: async () => (await kube.cluster.written(namespace)).slice(first.length),
      meddle: () => kube.create(configMap(namespace, { another: 'value' })),
      silent: kube.silent,
    }
  })

  test('its inverse puts every field back, also one that is no longer applied', async () => {
    const namespace = await kube.namespace()
    await applied(applying(namespace, { mode: 'normal', notice: 'none' }))
    const input = applying(namespace, { mode: 'maintenance' })
    const ctx = acting(kube.targets)
    const before = await k8sApply.observe(ctx, input)
    await k8sApply.apply(ctx, input, before)
    expect(await dataOf(namespace)).toEqual({ mode: 'maintenance' })
    const inverse = k8sApply.invert(input, before)
    await applied(applyInput.parse(inverse === 'none' ? {} : inverse.with))
    expect(await dataOf(namespace)).toEqual({ mode: 'normal', notice: 'none' })
  })
})

describe('k8s.apply that removes', () => {
  conforms(k8sApply, async () => {
    const namespace = await kube.namespace()
    await applied(applying(namespace, { mode: 'normal' }))
    const first = await kube.cluster.written(namespace)
    return {
      input: applying(namespace, {}, { present: false }),
      targets: kube.targets,
      others: {
        ...others(namespace),
        change: () => kube.create(configMap(namespace, { mode: 'other' })),
        changeBeside: async () =>
          void (await kube.kubectl(namespace, 'label', 'configmaps', '--all', 'theirs=yes')),
      },
      written: async () => (await kube.cluster.written(namespace)).slice(first.length),
      meddle: () => kube.create(configMap(namespace, { another: 'value' })),
      silent: kube.silent,
    }
  })

  test('planning removes nothing', async () => {
    const namespace = await kube.namespace()
    await applied(applying(namespace, { mode: 'normal' }))
    const ctx = planning(kube.targets)
    const input = applying(namespace, {}, { present: false })
    const changes = await k8sApply.plan(ctx, input, await k8sApply.observe(ctx, input))
    expect(changes).toMatchObject([{ certainty: 'exact', before: { data: { mode: 'normal' } }, after: null }])
    expect(await dataOf(namespace)).toEqual({ mode: 'normal' })
  })

  test('an object that Haetae never applied is a question for a person', async () => {
    const namespace = await kube.namespace()
    await kube.create(configMap(namespace, { mode: 'normal' }))
    const input = applying(namespace, {}, { present: false })
    expect(k8sApply.judge(input, await k8sApply.observe(acting(kube.targets), input))).toBe('unclear')
  })
})

describe('k8s.apply', () => {
  test('a field that somebody else owns is refused by the server, shown in the plan, and left alone', async () => {
    const namespace = await kube.namespace()
    await kube.create(configMap(namespace, { mode: 'normal' }))
    const input = applying(namespace, { mode: 'maintenance' })
    const ctx = acting(kube.targets)
    const state = await k8sApply.observe(ctx, input)
    expect(k8sApply.judge(input, state)).toBe('absent')
    expect(await k8sApply.plan(planning(kube.targets), input, state)).toMatchObject([
      { refused: expect.stringContaining('haetae-lab') as string },
    ])
    await expect(k8sApply.apply(ctx, input, state)).rejects.toBeInstanceOf(PreconditionRefused)
    expect(await dataOf(namespace)).toEqual({ mode: 'normal' })
    expect(await kube.cluster.written(namespace)).toEqual([`patch configmaps/${name} 409`])
  })

  test('fields of others stay, and the plan shows exactly what changes', async () => {
    const namespace = await kube.namespace()
    await kube.create(configMap(namespace, { mode: 'normal' }))
    const input = applying(namespace, { notice: 'back at noon' })
    const ctx = acting(kube.targets)
    const state = await k8sApply.observe(ctx, input)
    expect(await k8sApply.plan(ctx, input, state)).toEqual([
      {
        certainty: 'exact',
        target: `ConfigMap/${name} in ${namespace}`,
        before: { 'data.notice': null, 'metadata.labels': null },
        after: { 'data.notice': 'back at noon', 'metadata.labels': { by: 'runbook' } },
      },
    ])
    await k8sApply.apply(ctx, input, state)
    expect(await dataOf(namespace)).toEqual({ mode: 'normal', notice: 'back at noon' })
  })

  test('a right that the account does not have is in the plan, with the words of the server', async () => {
    const namespace = await kube.namespace()
    const input = applying(namespace, { mode: 'maintenance' })
    const other = { ...input, object: { ...input.object, metadata: { name: 'other' } } }
    await expect(k8sApply.observe(planning(kube.targets), other)).rejects.toMatchObject({ status: 403 })
  })

  test.each([
    [{ apiVersion: 'v1', kind: 'Unknown' }, 'the cluster serves no such kind'],
    [{ apiVersion: 'none.test/v1', kind: 'ConfigMap' }, 'the cluster serves no such kind'],
    [{ apiVersion: 'v1', kind: 'Node' }, 'it is in no namespace'],
  ])('%o is refused with the reason', async (of, why) => {
    const input = applying('any', {})
    const other = { ...input, object: { ...input.object, ...of } }
    const looking = k8sApply.observe(planning(kube.targets), other)
    await expect(looking).rejects.toMatchObject({ code: 'kind-unknown', why })
  })
})

describe('k8s.patch', () => {
  const patching = (namespace: string, patch: Record<string, unknown>): PatchInput =>
    patchInput.parse({ site: 'gwangju', apiVersion: 'v1', kind: 'ConfigMap', namespace, name, patch })

  conforms(k8sPatch, async () => {
    const namespace = await kube.namespace()
    await kube.create(configMap(namespace, { mode: 'normal', notice: 'none' }))
    return {
      input: patching(namespace, {
        metadata: { labels: { by: 'runbook' } },
        data: { mode: 'maintenance', notice: null },
      }),
      targets: kube.targets,
      written: () => kube.cluster.written(namespace),
      meddle: () => kube.create(configMap(namespace, { mode: 'other', notice: 'none' })),
      others: others(namespace),
      silent: kube.silent,
    }
  })

  test('its inverse puts back what was changed, removed and added', async () => {
    const namespace = await kube.namespace()
    await kube.create(configMap(namespace, { mode: 'normal', notice: 'none', kept: 'yes' }))
    const input = patching(namespace, { data: { mode: 'maintenance', notice: null, added: 'yes' } })
    const ctx = acting(kube.targets)
    const before = await k8sPatch.observe(ctx, input)
    await k8sPatch.apply(ctx, input, before)
    expect(await dataOf(namespace)).toEqual({ mode: 'maintenance', added: 'yes', kept: 'yes' })
    const inverse = k8sPatch.invert(input, before)
    const back = patchInput.parse(inverse === 'none' ? {} : inverse.with)
    await k8sPatch.apply(ctx, back, await k8sPatch.observe(ctx, back))
    expect(await dataOf(namespace)).toEqual({ mode: 'normal', notice: 'none', kept: 'yes' })
  })

  test('an object that is not there is named', async () => {
    const namespace = await kube.namespace()
    const input = patching(namespace, { data: { mode: 'maintenance' } })
    const ctx = acting(kube.targets)
    const state = await k8sPatch.observe(ctx, input)
    expect(state).toEqual(nothingSeen)
    expect(await k8sPatch.plan(ctx, input, state)).toMatchObject([{ certainty: 'opaque' }])
    await expect(k8sPatch.apply(ctx, input, state)).rejects.toMatchObject({ code: 'object-missing' })
  })

  test('a patch that the server does not take says so in the plan', async () => {
    const namespace = await kube.namespace()
    await kube.create(configMap(namespace, { mode: 'normal' }))
    const input = patching(namespace, { data: { mode: 7 } })
    const ctx = planning(kube.targets)
    const state = await k8sPatch.observe(ctx, input)
    expect(k8sPatch.judge(input, state)).toBe('absent')
    expect(await k8sPatch.plan(ctx, input, state)).toMatchObject([{ refused: expect.any(String) as string }])
  })
})

test('a Secret is no object of a step', () => {
  const object = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'any' } }
  expect(applyInput.safeParse({ site: 'gwangju', namespace: 'any', object }).success).toBe(false)
  const patch = {
    site: 'gwangju',
    apiVersion: 'v1',
    kind: 'Secret',
    namespace: 'any',
    name: 'any',
    patch: {},
  }
  expect(patchInput.safeParse(patch).success).toBe(false)
})

describe('a plan in which steps of several types change one object', () => {
  test('calls it by one name, and only the change that comes first is exact', async () => {
    const namespace = await kube.namespace()
    await kube.create(configMap(namespace, { mode: 'normal' }))
    const at = { site: 'gwangju', namespace }
    const deployment = { ...at, apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' }
    const plan = planOf([
      node('A/start', 'k8s.scale', ['A/label'], {
        with: { ...at, workloads: [{ deployment: 'web', replicas: 1 }] },
      }),
      node('A/stop', 'k8s.scale', ['A/start'], {
        with: { ...at, workloads: [{ deployment: 'web', replicas: 0 }] },
      }),
      node('A/label', 'k8s.patch', [], { with: { ...deployment, patch: { spec: { replicas: 2 } } } }),
      node('A/mode', 'k8s.apply', ['A/label'], { with: applying(namespace, { notice: 'soon' }) }),
      node('A/note', 'k8s.patch', ['A/mode'], {
        with: { ...at, apiVersion: 'v1', kind: 'ConfigMap', name, patch: { data: { notice: 'now' } } },
      }),
    ])
    const { observed } = await observePlan(plan, {
      ...{ stepTypes, clock: systemClock, readers: kube.targets.readers, site: 'gwangju', concurrency: 4 },
      ...{ withinMs: 20_000, totalMs: 40_000, signal: new AbortController().signal },
    })
    const seen = Object.entries(observed.changes).map(([step, list]) => [
      step,
      list.map(({ target, certainty, why }) => [
        target,
        certainty,
        ...(typeof why === 'object' ? [why.en] : []),
      ]),
    ])
    expect(Object.fromEntries(seen)).toEqual({
      'A/label': [[`Deployment/web in ${namespace}`, 'exact']],
      'A/start': [[`Deployment/web in ${namespace}`, 'predicted', 'A/label changes it before']],
      'A/stop': [
        [`Deployment/web in ${namespace}`, 'predicted', 'it is as wanted now, and A/label changes it before'],
      ],
      'A/mode': [[`ConfigMap/${name} in ${namespace}`, 'exact']],
      'A/note': [[`ConfigMap/${name} in ${namespace}`, 'predicted', 'A/mode changes it before']],
    })
  })
})
