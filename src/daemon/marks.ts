import { raiseMarks } from '#authority/marker.ts'
import { messageOf } from '#model/errors.ts'
import type { Clock } from '#model/time.ts'
import { kubernetesClient, type KubernetesClient } from '#platform/kubernetes/client.ts'
import type { Log } from '#platform/log.ts'
import type { Config } from './config.ts'
import type { World } from './world.ts'

interface Needs {
  config: Config
  world: World
  clock: Clock
  log: Log
}

/**
 * Keeps the marks in the own cluster at what is on record, from the first epoch on and after learning from a peer:
 * who is primary can be read there without Haetae. Ends with the signal; a cluster that does not answer is asked again.
 */
export async function keepMarks({ config, world, clock, log }: Needs, signal: AbortSignal): Promise<void> {
  if (config.kubernetes === undefined) return
  const { kubeconfig } = config.kubernetes
  let cluster: KubernetesClient | undefined
  let marked = ''
  let complained = false
  while (!signal.aborted) {
    const authorities = world.authorities().map(({ system, epoch, site }) => ({ system, epoch, site }))
    const wanted = JSON.stringify(authorities)
    if (wanted !== marked) {
      try {
        // The file may come later than the daemon.
        cluster ??= kubernetesClient(kubeconfig, { timeoutMs: 5_000 })
        await raiseMarks(cluster, authorities, signal)
        marked = wanted
        complained = false
      } catch (error) {
        if (!complained && !signal.aborted)
          log.warn({ why: messageOf(error) }, 'authorities could not be marked in the cluster; trying again')
        complained = true
      }
    }
    await clock.sleep(2_000, signal).catch(() => undefined)
  }
  await cluster?.close()
}
