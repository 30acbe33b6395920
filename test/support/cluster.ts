import { randomBytes } from 'node:crypto'
import { copyFile, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inject } from 'vitest'
import { administrator, startControlPlane, type ControlPlane } from '../../lab/control-plane.ts'
import { kubernetesBinary } from '../../lab/kubernetes-binary.ts'
import { accessObjects, ownAccount } from '../../lab/systems/access.ts'
import { applyObjects, writeAccountKubeconfig } from '../../lab/systems/apply.ts'
import type { LabSystem } from '../../lab/systems/lab-system.ts'
import type { KubernetesObject } from '../../lab/systems/objects.ts'
import { ownedFolder } from './owned-folder.ts'

/** Where the run's control plane is (kubernetes-setup.ts). */
export interface TestKubernetes {
  url: string
  auditLog: string
  /** Of Haetae's account. */
  kubeconfig: string
  /** The administrator's kubeconfig. */
  administrator: string
}

declare module 'vitest' {
  interface ProvidedContext {
    kubernetes: TestKubernetes
  }
}

/** A control plane with Haetae's own account in it, which has the few rights that the lab gives it. */
export interface TestCluster {
  plane: Pick<ControlPlane, 'url' | 'kubeconfig' | 'auditLog' | 'kubectl'>
  /** Of Haetae's account, not the administrator's. */
  kubeconfig: string
  /** Makes a namespace with Deployments of that many replicas; Haetae may scale them. */
  system(namespace: string, workloads: Record<string, number>): Promise<void>
  /** What Haetae's account changed or tried to change in a namespace, by the API server's audit log; dry runs are none. */
  written(namespace: string): Promise<string[]>
  stop(): Promise<void>
}

interface AuditEvent {
  stage: string
  verb: string
  requestURI: string
  user: { username: string }
  objectRef?: { resource?: string; subresource?: string; name?: string; namespace?: string }
  responseStatus?: { code?: number }
}

/**
 * The run's control plane, shared by the files of the tier: for tests that keep to namespaces of their own.
 * `stop` leaves it running.
 */
export async function sharedCluster(): Promise<TestCluster> {
  const { administrator: admin, ...shared } = inject('kubernetes')
  const dir = await mkdtemp(join(tmpdir(), 'haetae-test-kube-'))
  const kubeconfig = join(dir, 'haetae.kubeconfig')
  await copyFile(shared.kubeconfig, kubeconfig)
  const kubectl = administrator(await kubernetesBinary(), admin)
  const plane = { ...shared, kubeconfig: admin, kubectl }
  return clusterOn(plane, kubeconfig, () => rm(dir, { recursive: true, force: true }))
}

/** A name of its own for a namespace. */
export function namespaceName(): string {
  return `system-${randomBytes(4).toString('hex')}`
}

/** A control plane of its own, about 4 s: for tests of what a cluster has once, such as Haetae's own namespace. */
export async function startCluster(): Promise<TestCluster> {
  const dir = await ownedFolder('haetae-test-kube-')
  const plane = await startControlPlane({ dir })
  const kubeconfig = join(dir, 'haetae.kubeconfig')
  const stop = async () => {
    await plane.stop()
    await rm(dir, { recursive: true, force: true })
  }
  try {
    await applyObjects(plane.kubectl, accessObjects([]))
    const server = { url: plane.url, caFile: plane.pki.authority.cert }
    await writeAccountKubeconfig(plane.kubectl, ownAccount, server, kubeconfig)
  } catch (error) {
    await stop()
    throw error
  }
  return clusterOn(plane, kubeconfig, stop)
}

function clusterOn(plane: TestCluster['plane'], kubeconfig: string, stop: () => Promise<void>): TestCluster {
  return {
    plane,
    kubeconfig,
    stop,
    system: (namespace, workloads) => createSystem(plane, namespace, workloads),
    written: (namespace) => writtenIn(plane.auditLog, namespace),
  }
}

async function createSystem(
  plane: TestCluster['plane'],
  namespace: string,
  workloads: Record<string, number>,
): Promise<void> {
  const items = [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
    ...Object.entries(workloads).flatMap(([deployment, replicas]) => [
      ...rightsTo(namespace, deployment),
      workload(namespace, deployment, replicas),
    ]),
  ]
  const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items })
  await plane.kubectl(['create', '--validate=false', '-f', '-'], list)
  for (const deployment of Object.keys(workloads))
    await plane.kubectl(['-n', namespace, 'rollout', 'status', `deployment/${deployment}`, '--timeout=60s'])
}

/** As `kubectl create deployment` makes it. */
function workload(namespace: string, name: string, replicas: number): KubernetesObject {
  const labels = { app: name }
  const template = { metadata: { labels }, spec: { containers: [{ name: 'web', image: 'web' }] } }
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace, labels },
    spec: { replicas, selector: { matchLabels: labels }, template },
  }
}

interface NamedObject extends KubernetesObject {
  metadata: { name: string; namespace?: string }
  roleRef?: { name: string }
}

/** The lab's rights for one workload. Names of their own, because the lab has one workload a system. */
function rightsTo(namespace: string, deployment: string): KubernetesObject[] {
  const all = accessObjects([{ namespace, deployment } as LabSystem]) as NamedObject[]
  const name = `steps-${deployment}`
  return all
    .filter(({ metadata }) => metadata.namespace === namespace)
    .map((object) => ({
      ...object,
      metadata: { ...object.metadata, name },
      ...(object.roleRef === undefined ? {} : { roleRef: { ...object.roleRef, name } }),
    }))
}

async function writtenIn(auditLog: string, namespace: string): Promise<string[]> {
  const lines = (await readFile(auditLog, 'utf8')).split('\n').slice(0, -1)
  return lines
    .filter((line) => line.includes(`"${namespace}"`)) // other files write to it as well
    .map((line) => JSON.parse(line) as AuditEvent)
    .filter(({ stage, user }) => stage === 'ResponseComplete' && user.username.endsWith(`:${ownAccount}`))
    .filter(
      ({ verb, objectRef, requestURI }) =>
        !['get', 'list', 'watch'].includes(verb) &&
        objectRef?.namespace === namespace &&
        new URL(requestURI, 'https://cluster').searchParams.get('dryRun') !== 'All',
    )
    .map(({ verb, objectRef, responseStatus }) => {
      const { resource, subresource, name } = objectRef ?? {}
      return `${verb} ${[resource, name, subresource].filter(Boolean).join('/')} ${responseStatus?.code ?? ''}`
    })
}
