import type { SiteId } from '../instance.ts'
import type { LabSystem } from './lab-system.ts'

/**
 * What the name servers say before anything was moved, as lines of the zone: every name points to its system's home,
 * beside the first epoch. The same at both sites.
 */
export function zoneRecords(systems: readonly LabSystem[]): string[] {
  return systems.flatMap((system) => {
    const [label] = system.dns.split('.')
    return [
      `${label} ${system.ttlSeconds} A ${system.webAddresses[system.home as SiteId]}`,
      `${label} ${system.ttlSeconds} TXT "epoch=1"`,
    ]
  })
}
