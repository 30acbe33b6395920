import { readFile, writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { kubernetesClient, type KubernetesClient } from '#platform/kubernetes/client.ts'
import { KubernetesRefused } from '#platform/kubernetes/wire.ts'
import { PreconditionRefused } from '#runbook/step-type.ts'
import { answering } from '#steps/answering.ts'
import { k8sScale } from '#steps/k8s-scale.ts'
import { k8sWait } from '#steps/k8s-wait.ts'
import type { ScaleInput } from '#steps/inputs.ts'
import type { Targets } from '#steps/targets.ts'
import { applyObjects } from '../../../lab/systems/apply.ts'
import { namespaceName, sharedCluster, type TestCluster } from '../../support/cluster.ts'
import { freePort } from '../../support/processes.ts'
import { silentServerForFile } from '../../support/silent-server.ts'
import { conforms } from '../../support/step-conformance.ts'
import { acting, planning, someTargets } from '../../support/step-contexts.ts'

let cluster: TestCluster
const silent = silentServerForFile()
let client: KubernetesClient
let away: KubernetesClient

beforeAll(async () => {
  cluster = await sharedCluster()
  client = kubernetesClient(cluster.kubeconfig)
  const elsewhere = `${cluster.kubeconfig}.silent`
  const text = await readFile(cluster.kubeconfig, 'utf8')
  await writeFile(elsewhere, text.replace(cluster.plane.url, `https://127.0.0.1:${silent.port}`))
  away = kubernetesClient(elsewhere)
})
afterAll(async () => {
  await client?.close()
  await away?.close()
  await cluster?.stop()
})

function targetsOf(of: KubernetesClient): Pick<Targets, 'readers' | 'writers'> {
  return someTargets({
    readers: { kubernetes: answering(of.reader) },
    writers: { kubernetes: answering(of.writer) },
  })
}

async function namespaceWith(workloads: Record<string, number>): Promise<string> {
  const namespace = namespaceName()
  await cluster.system(namespace, workloads)
  return namespace
}

/** A rule of the cluster that refuses to scale up, enforced where it is admitted and nowhere else. */
function atMostOneReplica(namespace: string) {
  const name = `at-most-one-${namespace}`
  const apiVersion = 'admissionregistration.k8s.io/v1'
  const rule = {
    apiGroups: ['apps'],
    apiVersions: ['v1'],
    operations: ['UPDATE'],
    resources: ['deployments/scale'],
  }
  const inNamespace = { matchLabels: { 'kubernetes.io/metadata.name': namespace } }
  return [
    {
      apiVersion,
      kind: 'ValidatingAdmissionPolicy',
      metadata: { name },
      spec: {
        failurePolicy: 'Fail',
        matchConstraints: { resourceRules: [rule] },
        validations: [{ expression: 'object.spec.replicas <= 1', message: 'at most one replica' }],
      },
    },
    {
      apiVersion,
      kind: 'ValidatingAdmissionPolicyBinding',
      metadata: { name },
      spec: {
        policyName: name,
        validationActions: ['Deny'],
        matchResources: { namespaceSelector: inNamespace },
      },
    },
  ]
}

const replicasOfEach = 'jsonpath={range .items[*]}{.metadata.name}={.spec.replicas} {end}'

describe('k8s.scale on a real control plane', () => {
  conforms(k8sScale, async () => {
    const namespace = await namespaceWith({ web: 0, batch: 1 })
    const workloads = [
      { deployment: 'web', replicas: 1 },
      { deployment: 'batch', replicas: 2 },
    ]
    return {
      input: { site: 'gwangju', namespace, workloads },
      targets: targetsOf(client),
      written: () => cluster.written(namespace),
      output: (output) => expect(output.workloads).toEqual(workloads),
      // Another person scales it: neither the version nor what was decided about is there any more.
      meddle: async () =>
        void (await cluster.plane.kubectl(['-n', namespace, 'scale', 'deployment/web', '--replicas=3'])),
      others: {
        there: () => cluster.plane.kubectl(['-n', namespace, 'get', 'deployments', '-o', replicasOfEach]),
        change: async () =>
          void (await cluster.plane.kubectl(['-n', namespace, 'scale', 'deployment/batch', '--replicas=4'])),
        changeBeside: async () =>
          void (await cluster.plane.kubectl(['-n', namespace, 'label', 'deployments', '--all', 'a=b'])),
      },
      silent: targetsOf(away),
      state: [
        {
          deployment: 'web',
          wanted: 1,
          found: {
            uid: 'u',
            resourceVersion: '1',
            replicas: 0,
            rolledOut: true,
            ready: 0,
            owner: null,
            trouble: null,
          },
        },
      ],
    }
  })

  test('an object that was deleted and made again under the same name is not scaled', async () => {
    const namespace = await namespaceWith({ web: 0 })
    const input: ScaleInput = { site: 'gwangju', namespace, workloads: [{ deployment: 'web', replicas: 1 }] }
    const ctx = acting(targetsOf(client))
    const state = await k8sScale.observe(ctx, input)
    await cluster.plane.kubectl(['-n', namespace, 'delete', 'deployment', 'web'])
    await cluster.plane.kubectl([
      '-n',
      namespace,
      'create',
      'deployment',
      'web',
      '--image=web',
      '--replicas=0',
    ])
    await expect(k8sScale.apply(ctx, input, state)).rejects.toBeInstanceOf(PreconditionRefused)
    expect(k8sScale.judge(input, await k8sScale.observe(ctx, input))).toBe('absent')
  })

  test('a version that moved by the status alone is no reason to refuse', async () => {
    const namespace = await namespaceWith({ web: 0 })
    const input: ScaleInput = { site: 'gwangju', namespace, workloads: [{ deployment: 'web', replicas: 1 }] }
    const ctx = acting(targetsOf(client))
    const state = await k8sScale.observe(ctx, input)
    await cluster.plane.kubectl(['-n', namespace, 'label', 'deployment', 'web', 'touched=yes'])
    await k8sScale.apply(ctx, input, state)
    expect(k8sScale.judge(input, await k8sScale.observe(ctx, input))).toBe('holds')
    expect(await cluster.written(namespace)).toEqual([
      'update deployments/web/scale 409',
      'update deployments/web/scale 200',
    ])
  })

  test('what was scaled is no failure because it cannot be looked at afterwards', async () => {
    const namespace = await namespaceWith({ web: 0 })
    const workloads = [{ deployment: 'web', replicas: 1 }]
    const input: ScaleInput = { site: 'gwangju', namespace, workloads }
    const state = await k8sScale.observe(acting(targetsOf(client)), input)
    const blind = someTargets({ writers: { kubernetes: answering(client.writer) } })
    expect(await k8sScale.apply(acting(blind), input, state)).toEqual({ workloads })
  })

  test('the plan asks the API server for its own answer by a dry run, and leaves the object as it is', async () => {
    const namespace = await namespaceWith({ web: 0 })
    const input: ScaleInput = { site: 'gwangju', namespace, workloads: [{ deployment: 'web', replicas: 2 }] }
    const ctx = planning(targetsOf(client))
    const exact = { certainty: 'exact', before: { replicas: 0 }, after: { replicas: 2 } }
    expect(await k8sScale.plan(ctx, input, await k8sScale.observe(ctx, input))).toMatchObject([exact])
    await applyObjects(cluster.plane.kubectl, atMostOneReplica(namespace))
    const state = await k8sScale.observe(ctx, input)
    await expect
      .poll(() => k8sScale.plan(ctx, input, state))
      .toMatchObject([{ ...exact, refused: expect.stringContaining('at most one replica') as string }])
    expect(await cluster.written(namespace)).toEqual([])
    expect(await k8sScale.observe(ctx, input)).toEqual(state)
  })

  test('a workload that is not there is named, and the plan says that it could not be looked at', async () => {
    const namespace = await namespaceWith({})
    const input: ScaleInput = { site: 'gwangju', namespace, workloads: [{ deployment: 'web', replicas: 1 }] }
    const ctx = acting(targetsOf(client))
    const state = await k8sScale.observe(ctx, input)
    expect(await k8sScale.plan(ctx, input, state)).toMatchObject([{ certainty: 'opaque' }])
    await expect(k8sScale.apply(ctx, input, state)).rejects.toMatchObject({ code: 'workload-missing' })
  })

  test('a step of another site is refused before anything is asked', async () => {
    const input: ScaleInput = {
      site: 'daejeon',
      namespace: 'any',
      workloads: [{ deployment: 'web', replicas: 1 }],
    }
    await expect(k8sScale.observe(acting(targetsOf(client)), input)).rejects.toMatchObject({
      code: 'wrong-site',
    })
  })

  test('a right that the account does not have is a refusal with the reason of the server', async () => {
    const ref = { apiVersion: 'v1', resource: 'secrets', namespace: 'haetae', name: 'any' }
    const refusal = client.reader.get(ref, new AbortController().signal)
    await expect(refusal).rejects.toBeInstanceOf(KubernetesRefused)
    await expect(refusal).rejects.toMatchObject({ status: 403, reason: 'Forbidden' })
  })
})

describe('k8s.wait on a real control plane', () => {
  conforms(k8sWait, async () => {
    const namespace = await namespaceWith({ web: 2 })
    return {
      input: { site: 'gwangju', namespace, workloads: [{ deployment: 'web', replicas: 2 }] },
      targets: targetsOf(client),
      written: () => cluster.written(namespace),
      silent: targetsOf(away),
      output: (output) =>
        expect(output).toEqual({ workloads: [{ deployment: 'web', replicas: 2, ready: 2 }] }),
    }
  })

  test('it ends when the pods of a scale-up are ready', async () => {
    const namespace = await namespaceWith({ web: 0 })
    const input = { site: 'gwangju', namespace, workloads: [{ deployment: 'web', replicas: 2 }] }
    const ctx = acting(targetsOf(client))
    expect(k8sWait.judge(input, await k8sWait.observe(ctx, input))).toBe('absent')
    await k8sScale.apply(ctx, input, await k8sScale.observe(ctx, input))
    const output = await k8sWait.apply(ctx, input, await k8sWait.observe(ctx, input))
    expect(output.workloads).toEqual([{ deployment: 'web', replicas: 2, ready: 2 }])
  })

  test('pods that cannot start are named with the reason of the cluster when the time is over', async () => {
    const namespace = await namespaceWith({ web: 0 })
    const patch = { spec: { template: { spec: { nodeSelector: { kind: 'none-such' } } } } }
    await cluster.plane.kubectl(['-n', namespace, 'patch', 'deployment', 'web', '-p', JSON.stringify(patch)])
    await cluster.plane.kubectl(['-n', namespace, 'scale', 'deployment/web', '--replicas=1'])
    const input = { site: 'gwangju', namespace, workloads: [{ deployment: 'web', replicas: 1 }] }
    const ctx = acting(targetsOf(client), { signal: AbortSignal.timeout(5000) })
    const waiting = k8sWait.apply(ctx, input, await k8sWait.observe(ctx, input))
    await expect(waiting).rejects.toMatchObject({
      code: 'workload-not-ready',
      why: expect.stringMatching(/web: 0 of 1 ready.*Unschedulable/) as string,
    })
  })

  test('the old pods of a rollout do not count as ready', () => {
    const found = {
      uid: 'u',
      resourceVersion: '1',
      replicas: 1,
      rolledOut: false,
      ready: 1,
      owner: null,
      trouble: null,
    }
    const input = { site: 'gwangju', namespace: 'any', workloads: [{ deployment: 'web', replicas: 1 }] }
    expect(k8sWait.judge(input, [{ deployment: 'web', wanted: 1, found }])).toBe('absent')
    expect(
      k8sWait.judge(input, [{ deployment: 'web', wanted: 1, found: { ...found, rolledOut: true } }]),
    ).toBe('holds')
  })
})

describe('the client', () => {
  test('uses one connection for many requests', async () => {
    const own = kubernetesClient(cluster.kubeconfig)
    const ref = { apiVersion: 'v1', resource: 'configmaps', namespace: 'haetae', name: 'none' }
    const times: number[] = []
    for (let round = 0; round < 20; round++) {
      const began = performance.now()
      expect(await own.reader.get(ref, new AbortController().signal)).toBeUndefined()
      times.push(performance.now() - began)
    }
    await own.close()
    const [first = 0, ...rest] = times
    expect(Math.min(...rest)).toBeLessThan(first)
  })

  test('lists every page and keeps fields that no type knows', async () => {
    const namespace = await namespaceWith({ web: 1 })
    const pods = await client.reader.list(
      { apiVersion: 'v1', resource: 'pods', namespace },
      new AbortController().signal,
      { labelSelector: 'app=web' },
    )
    expect(pods).toHaveLength(1)
    expect(pods[0]?.metadata).toHaveProperty('managedFields')
  })

  test('server-side apply owns its fields as haetae and refuses a stale version', async () => {
    const ref = { apiVersion: 'v1', resource: 'configmaps', namespace: 'haetae', name: 'applied' }
    const object = { kind: 'ConfigMap', metadata: { name: 'applied' }, data: { one: '1' } }
    const signal = new AbortController().signal
    const made = await client.writer.apply(ref, object, signal)
    expect(JSON.stringify(made.metadata['managedFields'])).toContain('"manager":"haetae"')
    const { resourceVersion = '' } = made.metadata
    await client.writer.apply(ref, { ...object, data: { one: '2' } }, signal)
    const stale = { ...object, metadata: { ...object.metadata, resourceVersion }, data: { one: '3' } }
    await expect(client.writer.apply(ref, stale, signal)).rejects.toMatchObject({ name: 'Conflict' })
  })

  test('a server that refuses connections is no answer, with the reason', async () => {
    const file = `${cluster.kubeconfig}.closed`
    const text = await readFile(cluster.kubeconfig, 'utf8')
    await writeFile(file, text.replace(cluster.plane.url, `https://127.0.0.1:${await freePort()}`))
    const closed = kubernetesClient(file)
    const ref = { apiVersion: 'v1', resource: 'configmaps', namespace: 'haetae', name: 'none' }
    await expect(closed.reader.get(ref, new AbortController().signal)).rejects.toMatchObject({
      name: 'NoAnswer',
      reason: expect.stringContaining('ECONNREFUSED') as string,
    })
    await closed.close()
  })
})
