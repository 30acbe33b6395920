import { HaetaeError } from '#model/errors.ts'
import { setTimeout as sleep } from 'node:timers/promises'
import { processesIn } from './cgroup.ts'
import { run } from './command.ts'
import type { Instance, PlaceId, SiteId } from './instance.ts'
import { inNetwork } from './network.ts'
import { initPid } from './place.ts'

/** What a loss took, in milliseconds. */
export interface Loss {
  site: SiteId
  /** When the first packet was dropped (ISO 8601, UTC): the moment of the loss. */
  at: string
  silentAfterMs: number
  deadAfterMs: number
}

/**
 * Power loss of a site. First every packet of it is dropped, then every process in it ends at once, its Haetae
 * daemon included: were it the other way round, the peer would see connections closed and refused, which proves
 * a live host. What its processes wrote to files survives (the page cache is the host's).
 *
 * @throws HaetaeError `lab-not-up` when the site does not run.
 */
export async function lose(instance: Instance, site: SiteId): Promise<Loss> {
  const pid = await initPid(instance, site)
  if (pid === undefined) {
    throw new HaetaeError('lab-not-up', `${site} of the lab ${instance.name}`, { where: instance.root })
  }
  const began = Date.now()
  await dropEverything(instance, site)
  const silent = Date.now()
  process.kill(pid, 'SIGKILL')
  await waitEmpty(instance, site)
  return {
    ...{ site, at: new Date(silent).toISOString() },
    ...{ silentAfterMs: silent - began, deadAfterMs: Date.now() - began },
  }
}

/** The namespace of the dead site's network stays, so that the others meet silence and not a vanished line. */
async function dropEverything(instance: Instance, site: SiteId): Promise<void> {
  const chains = ['link', 'citizens'].flatMap((device) =>
    ['ingress', 'egress'].map(
      (hook) =>
        `chain ${device}-${hook} { type filter hook ${hook} device "${device}" priority -500; policy drop; }`,
    ),
  )
  const table = `table netdev lost {\n${chains.join('\n')}\n}\n`
  await run([...inNetwork(instance, site), 'nft', '-f', '-'], { input: table })
}

async function waitEmpty(instance: Instance, place: PlaceId): Promise<void> {
  const deadline = Date.now() + 15_000
  for (;;) {
    const left = await processesIn(`${instance.cgroup}/${place}`)
    if (left.length === 0) return
    if (Date.now() > deadline) {
      throw new HaetaeError('lab-command-failed', `lose ${place}`, { why: `still there: ${left.join(', ')}` })
    }
    await sleep(10)
  }
}
