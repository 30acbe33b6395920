import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { databaseReader } from '#platform/database/client.ts'
import { kubernetesClient, type KubernetesClient } from '#platform/kubernetes/client.ts'
import { PreconditionRefused } from '#runbook/step-type.ts'
import { answering } from '#steps/answering.ts'
import type { StopInput } from '#steps/inputs.ts'
import { pgStop } from '#steps/pg-stop.ts'
import { namespaceName, sharedCluster, type TestCluster } from '../../support/cluster.ts'
import { freePort } from '../../support/processes.ts'
import { silentServerForFile } from '../../support/silent-server.ts'
import { conforms } from '../../support/step-conformance.ts'
import { acting, planning, someTargets } from '../../support/step-contexts.ts'

let cluster: TestCluster
let client: KubernetesClient
let nobody: number
const silent = silentServerForFile()

beforeAll(async () => {
  cluster = await sharedCluster()
  client = kubernetesClient(cluster.kubeconfig)
  nobody = await freePort()
})
afterAll(async () => {
  await client?.close()
  await cluster?.stop()
})

function targets() {
  const database = databaseReader({ reader: { user: 'haetae_reader' }, connectTimeoutMs: 300 })
  return someTargets({
    readers: { kubernetes: answering(client.reader), database: answering(database) },
    writers: { kubernetes: answering(client.writer) },
  })
}

async function running(): Promise<StopInput> {
  const namespace = namespaceName()
  await cluster.system(namespace, { db: 1 })
  return {
    ...{ site: 'gwangju', system: 'GPK', namespace, deployment: 'db' },
    ...{ host: '127.0.0.1', port: nobody, database: 'app' },
  }
}

async function stop(input: StopInput, ctx = acting(targets())) {
  return pgStop.apply(ctx, input, await pgStop.observe(ctx, input))
}

async function podsOf({ namespace }: StopInput): Promise<string[]> {
  const said = await cluster.plane.kubectl(['-n', namespace, 'get', 'pods', '-o', 'name'])
  return said.split('\n').filter((line) => line !== '')
}

describe('pg.stop in a real cluster', () => {
  conforms(pgStop, async () => {
    const input = await running()
    return {
      input,
      targets: targets(),
      written: () => cluster.written(input.namespace),
      output: (output) => expect(output).toEqual({ deployment: 'db', replicas: 0 }),
      // Somebody else decides how many run.
      meddle: async () => {
        await cluster.plane.kubectl(['-n', input.namespace, 'scale', 'deployment/db', '--replicas=2'])
      },
    }
  })

  test('it is stopped when its pod is gone, stays so, and stopping it again changes nothing', async () => {
    const input = await running()
    expect(await podsOf(input)).toHaveLength(1)
    const output = await stop(input)
    expect(await podsOf(input)).toEqual([])
    const once = await cluster.written(input.namespace)
    expect(await stop(input)).toEqual(output)
    expect(await cluster.written(input.namespace)).toEqual(once)
  })

  test('a pod that the cluster cannot see ended is not taken for stopped', async () => {
    const input = await running()
    const [pod = ''] = await podsOf(input)
    const keep = '{"metadata":{"finalizers":["test.gov/keeps-it"]}}'
    await cluster.plane.kubectl(['-n', input.namespace, 'patch', pod, '--type=merge', '-p', keep])
    const asked = stop(input, acting(targets(), { signal: AbortSignal.timeout(3000) }))
    await expect(asked).rejects.toMatchObject({ code: 'database-still-runs' })
    const found = await pgStop.observe(acting(targets()), input)
    expect(found.workload.found?.replicas).toBe(0)
    expect(pgStop.judge(input, found)).toBe('absent')
    await cluster.plane.kubectl([
      ...['-n', input.namespace, 'patch', pod, '--type=merge', '-p', '{"metadata":{"finalizers":null}}'],
    ])
    await stop(input)
  })

  test('what still takes connections at its address is not stopped, whatever the cluster says', async () => {
    const input = await running()
    await stop(input)
    // Whoever answers at all is there, even if it does not let Haetae in.
    const reader = databaseReader({ reader: { user: 'haetae_reader' } })
    const refusing = {
      read: () => Promise.reject(Object.assign(new Error('no such user'), { code: '28000' })),
    }
    for (const [database, verdict] of [
      [refusing, 'absent'],
      [answering(reader), 'holds'],
    ] as const) {
      const { readers } = someTargets({ readers: { kubernetes: answering(client.reader), database } })
      expect(pgStop.judge(input, await pgStop.observe({ ...acting(targets()), readers }, input))).toBe(
        verdict,
      )
    }
  })

  test('a workload that an operator owns is not stopped behind its back', async () => {
    const input = await running()
    const { namespace } = input
    await cluster.plane.kubectl(['-n', namespace, 'create', 'configmap', 'orders'])
    const uid = await cluster.plane.kubectl([
      '-n',
      namespace,
      'get',
      'configmap',
      'orders',
      '-o',
      'jsonpath={.metadata.uid}',
    ])
    const owner = { apiVersion: 'v1', kind: 'ConfigMap', name: 'orders', uid, controller: true }
    const patch = JSON.stringify({ metadata: { ownerReferences: [owner] } })
    await cluster.plane.kubectl(['-n', namespace, 'patch', 'deployment/db', '--type=merge', '-p', patch])
    const before = await cluster.written(namespace)
    await expect(stop(input)).rejects.toMatchObject({ code: 'workload-owned' })
    expect(await cluster.written(namespace)).toEqual(before)
    const ctx = planning(targets())
    const changes = await pgStop.plan(ctx, input, await pgStop.observe(ctx, input))
    expect(changes).toMatchObject([{ refused: expect.stringContaining('ConfigMap/orders') as string }])
  })

  test('a database that was made anew meanwhile is another one', async () => {
    const input = await running()
    const ctx = acting(targets())
    const seen = await pgStop.observe(ctx, input)
    await cluster.plane.kubectl(['-n', input.namespace, 'delete', 'deployment/db'])
    await cluster.plane.kubectl(['-n', input.namespace, 'create', 'deployment', 'db', '--image=web'])
    await expect(pgStop.apply(ctx, input, seen)).rejects.toBeInstanceOf(PreconditionRefused)
  })

  test('a workload that is not there is a question for a person', async () => {
    const input = { ...(await running()), deployment: 'none' }
    const ctx = acting(targets())
    const found = await pgStop.observe(ctx, input)
    expect(pgStop.judge(input, found)).toBe('unclear')
    await expect(pgStop.apply(ctx, input, found)).rejects.toMatchObject({ code: 'workload-missing' })
    expect(await pgStop.plan(ctx, input, found)).toMatchObject([{ certainty: 'opaque' }])
  })

  test('an address that says nothing until the signal ends is unknown, not silent', async () => {
    const input = { ...(await running()), port: silent.port }
    const slow = databaseReader({ reader: { user: 'haetae_reader' }, connectTimeoutMs: 60_000 })
    const { readers } = someTargets({
      readers: { kubernetes: answering(client.reader), database: answering(slow) },
    })
    const ctx = { ...acting(targets(), { signal: AbortSignal.timeout(1000) }), readers }
    await expect(pgStop.observe(ctx, input)).rejects.toMatchObject({ name: 'Unreachable' })
  })
})
