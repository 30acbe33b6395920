import { access, constants } from 'node:fs/promises'
import { HaetaeError } from '#model/errors.ts'
import { kubernetesBinaryPath } from '../bootstrap/kubernetes.mjs'

/**
 * Path of the multi-call binary (etcd, Kubernetes, kwok, pause): HAETAE_KUBERNETES, or where the bootstrap
 * built it.
 *
 * @throws HaetaeError `lab-needs` when it is not built yet.
 */
export async function kubernetesBinary(): Promise<string> {
  const path = kubernetesBinaryPath()
  try {
    await access(path, constants.X_OK)
  } catch (cause) {
    throw new HaetaeError('lab-needs', 'the Kubernetes binary', {
      where: path,
      why: 'it was not built yet',
      remedy: 'Build it once with `npm run kubernetes` (some minutes).',
      cause,
    })
  }
  return path
}
