import type { TestProject } from 'vitest/node'
import { startCluster } from './cluster.ts'

/** vitest globalSetup: one control plane a run, for the files that keep to namespaces of their own. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { plane, kubeconfig, stop } = await startCluster()
  const { url, auditLog } = plane
  project.provide('kubernetes', { url, auditLog, kubeconfig, administrator: plane.kubeconfig })
  return stop
}
