import { access, constants } from 'node:fs/promises'
import { HaetaeError } from '#model/errors.ts'

/**
 * Path of the multi-call binary (etcd, Kubernetes, kwok, pause): HAETAE_KUBERNETES, or where the bootstrap
 * built it.
 *
 * @throws HaetaeError `lab-needs` when it is not built yet.
 */
export async function kubernetesBinary(): Promise<string> {
  const path = process.env.HAETAE_KUBERNETES ?? (await builtBinary())
  try {
    await access(path, constants.X_OK)
  } catch (cause) {
    throw new HaetaeError('lab-needs', 'the Kubernetes binary', {
      where: path,
      why: 'it was not built yet',
      remedy: 'Build it once with `npm run lab:kubernetes` (about six minutes).',
      cause,
    })
  }
  return path
}

async function builtBinary(): Promise<string> {
  const built = (await import('../bootstrap/kubernetes.js' as string)) as {
    kubernetesBinaryPath: () => string
  }
  return built.kubernetesBinaryPath()
}
