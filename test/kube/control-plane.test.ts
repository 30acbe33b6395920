import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startControlPlane, type ControlPlane } from '../../lab/control-plane.ts'

describe('the control plane of the kube tier', () => {
  let dir: string
  let plane: ControlPlane

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'haetae-kube-'))
    plane = await startControlPlane({ dir })
  })
  afterAll(async () => {
    await plane.stop()
    await rm(dir, { recursive: true, force: true })
  })

  test('pods of a deployment become ready on the simulated node', async () => {
    await plane.kubectl(['create', 'deployment', 'web', '--image=web', '--replicas=2'])
    await plane.kubectl(['rollout', 'status', 'deployment/web', '--timeout=30s'])
    const ready = await plane.kubectl(['get', 'deployment', 'web', '-o', 'jsonpath={.status.readyReplicas}'])
    expect(ready).toBe('2')
  })

  test('the audit log holds who asked for what', async () => {
    await plane.kubectl(['create', 'configmap', 'asked'])
    const events = (await readFile(plane.auditLog, 'utf8'))
      .split('\n')
      .filter((line) => line.includes('"asked"'))
      .map((line) => JSON.parse(line) as { verb: string; user: { username: string } })
    expect(events.map((event) => [event.verb, event.user.username])).toContainEqual(['create', 'lab-admin'])
  })
})
