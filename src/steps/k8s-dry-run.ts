import { KubernetesRefused } from '#platform/kubernetes/wire.ts'
import { PreconditionRefused } from '#runbook/step-type.ts'

/** What an API server says against a request that was sent as a dry run; undefined when it would do it. Throws Unreachable. */
export async function refusalOf(dryRun: Promise<unknown>): Promise<string | undefined> {
  try {
    await dryRun
    return undefined
  } catch (error) {
    if (error instanceof KubernetesRefused || error instanceof PreconditionRefused) return error.message
    throw error
  }
}
