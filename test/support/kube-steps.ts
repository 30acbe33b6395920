import { readFile, writeFile } from 'node:fs/promises'
import { afterAll, beforeAll } from 'vitest'
import { kubernetesClient, type KubernetesClient } from '#platform/kubernetes/client.ts'
import { answering } from '#steps/answering.ts'
import type { Targets } from '#steps/targets.ts'
import { applyObjects } from '../../lab/systems/apply.ts'
import { namespaceName, sharedCluster, type TestCluster } from './cluster.ts'
import { silentServer } from './silent-server.ts'
import { someTargets } from './step-contexts.ts'

/** The run's control plane for the steps of one test file, used with the rights that the lab gives Haetae. */
export interface KubeSteps {
  cluster: TestCluster
  targets: Pick<Targets, 'readers' | 'writers'>
  /** The same on an API server that takes connections and never answers. */
  silent: Pick<Targets, 'readers' | 'writers'>
  /** A namespace of its own of a system. */
  namespace(): Promise<string>
  /** As the administrator. */
  create(...objects: object[]): Promise<void>
  kubectl(namespace: string, ...args: string[]): Promise<string>
}

/** Opened before the file's tests and closed after them. */
export function kubeSteps(): KubeSteps {
  const parts = {} as KubeSteps
  const release: (() => Promise<unknown>)[] = []
  beforeAll(async () => {
    const cluster = await sharedCluster()
    release.push(() => cluster.stop())
    const silent = await silentServer()
    release.push(() => silent.close())
    const elsewhere = `${cluster.kubeconfig}.silent`
    const text = await readFile(cluster.kubeconfig, 'utf8')
    await writeFile(elsewhere, text.replace(cluster.plane.url, `https://127.0.0.1:${silent.port}`))
    const [client, away] = [kubernetesClient(cluster.kubeconfig), kubernetesClient(elsewhere)]
    release.push(() => Promise.all([client.close(), away.close()]))
    Object.assign(parts, {
      cluster,
      targets: targetsOf(client),
      silent: targetsOf(away),
      async namespace() {
        const namespace = namespaceName()
        await cluster.system(namespace, { web: 0 })
        return namespace
      },
      create: (...objects) => applyObjects(cluster.plane.kubectl, objects as Record<string, unknown>[]),
      kubectl: (namespace, ...args) => cluster.plane.kubectl(['-n', namespace, ...args]),
    } satisfies KubeSteps)
  })
  afterAll(async () => {
    for (const each of release.reverse()) await each()
  })
  return parts
}

function targetsOf(client: KubernetesClient): Pick<Targets, 'readers' | 'writers'> {
  return someTargets({
    readers: { kubernetes: answering(client.reader) },
    writers: { kubernetes: answering(client.writer) },
  })
}
