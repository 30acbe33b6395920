import { readFile, writeFile } from 'node:fs/promises'
import type { KubernetesObject } from './objects.ts'
import { haetaeNamespace } from './access.ts'

/** Runs kubectl as the administrator of one cluster; throws on an exit code other than 0. */
export type Kubectl = (args: readonly string[], input?: string) => Promise<string>

/** Brings all objects about in one server-side apply; namespaces come first in the list. */
export async function applyObjects(kubectl: Kubectl, objects: readonly KubernetesObject[]): Promise<void> {
  const namespaces = objects.filter(({ kind }) => kind === 'Namespace')
  const items = [...namespaces, ...objects.filter(({ kind }) => kind !== 'Namespace')]
  const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items })
  await kubectl(['apply', '--server-side', '--field-manager=haetae-lab', '-f', '-'], list)
}

/** Writes a kubeconfig that signs in with a token of the account, good for as long as a lab lives. */
export async function writeAccountKubeconfig(
  kubectl: Kubectl,
  account: string,
  server: { url: string; caFile: string },
  file: string,
): Promise<void> {
  const token = await kubectl(['create', 'token', account, '-n', haetaeNamespace, '--duration=1440h'])
  const ca = (await readFile(server.caFile)).toString('base64')
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'site',
    clusters: [{ name: 'site', cluster: { server: server.url, 'certificate-authority-data': ca } }],
    users: [{ name: account, user: { token: token.trim() } }],
    contexts: [{ name: 'site', context: { cluster: 'site', user: account } }],
  }
  await writeFile(file, `${JSON.stringify(config, null, 1)}\n`, { mode: 0o600 })
}
