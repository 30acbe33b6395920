import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { namespaceName, sharedCluster, type TestCluster } from '../support/cluster.ts'

describe('the control plane of the kube tier', () => {
  const namespace = namespaceName()
  let cluster: TestCluster

  beforeAll(async () => {
    cluster = await sharedCluster()
    await cluster.plane.kubectl(['create', 'namespace', namespace])
  })
  afterAll(() => cluster.stop())

  const kubectl = (...args: string[]) => cluster.plane.kubectl(['-n', namespace, ...args])

  test('pods of a deployment become ready on the simulated node', async () => {
    await kubectl('create', 'deployment', 'web', '--image=web', '--replicas=2')
    await kubectl('rollout', 'status', 'deployment/web', '--timeout=30s')
    expect(await kubectl('get', 'deployment', 'web', '-o', 'jsonpath={.status.readyReplicas}')).toBe('2')
  })

  test('the audit log holds who asked for what', async () => {
    await kubectl('create', 'configmap', 'asked')
    const events = (await readFile(cluster.plane.auditLog, 'utf8'))
      .split('\n')
      .filter((line) => line.includes('"asked"'))
      .map((line) => JSON.parse(line) as { verb: string; user: { username: string } })
    expect(events.map((event) => [event.verb, event.user.username])).toContainEqual(['create', 'lab-admin'])
  })
})
