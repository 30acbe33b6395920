import type { BalancedSystem } from '../site/spec.ts'
import type { LabSystem } from './lab-system.ts'

/** Every system is behind the load balancers of both sites, beside its own addresses, which the names point to. */
export function balancedSystems(systems: readonly LabSystem[]): BalancedSystem[] {
  return systems.map(({ namespace, dns, home, webAddresses, port }) => ({
    backend: namespace,
    ...{ name: dns, home, servers: webAddresses, port },
  }))
}
