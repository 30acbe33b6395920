import { setTimeout as sleep } from 'node:timers/promises'
import { HaetaeError } from '#model/errors.ts'
import type { Instance, SiteId } from '../instance.ts'
import { addLinkFault } from '../link.ts'
import type { LabSystem } from '../systems/lab-system.ts'

/** Long enough for a dozen acknowledged transactions that never cross the link. */
const lagMs = 3_000

/** The system that `--lag` names: it must live at the site that is lost. Throws `system-unknown`, `input-invalid`. */
export function laggingSystem(systems: readonly LabSystem[], id: string, site: SiteId): LabSystem {
  const system = systems.find((one) => one.id === id)
  if (system === undefined) throw new HaetaeError('system-unknown', id)
  const why =
    system.home !== site
      ? `it lives at ${system.home}`
      : system.database === null
        ? 'it keeps no data'
        : system.database.synchronous
          ? 'it replicates synchronously, so it acknowledges nothing that the standby lacks'
          : undefined
  if (why === undefined) return system
  const others = systems
    .filter((one) => one.home === site && one.database?.synchronous === false)
    .map((one) => one.id)
  throw new HaetaeError('input-invalid', `--lag ${id}`, { why, remedy: `Name one of ${others.join(', ')}.` })
}

/** Lets nothing of the system's database pass the link any more, and waits until something was acknowledged since. */
export async function provokeLag(
  instance: Instance,
  system: LabSystem,
  site: SiteId,
  signal: AbortSignal,
): Promise<void> {
  await addLinkFault(instance, {
    kind: 'drop-service',
    address: system.database?.addresses[site] ?? '',
    port: 5432,
  })
  await sleep(lagMs, undefined, { signal })
}
