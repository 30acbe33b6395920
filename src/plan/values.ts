import type { System } from '#estate/estate.ts'
import { parseDuration } from '#model/time.ts'
import type { PlanRequest } from './request.ts'

/** Recovery targets of a system, milliseconds, from its grade. */
export function targetsOf(
  { estate }: Pick<PlanRequest, 'estate'>,
  { grade }: System,
): { rtoMs: number; rpoMs: number } {
  const { rto, rpo } = estate.targets[grade]
  return { rtoMs: parseDuration(rto) ?? 0, rpoMs: parseDuration(rpo) ?? 0 }
}

/** What the expressions of a runbook read of one system; its shape is runbook/variables.ts. */
export function valuesOf(
  request: PlanRequest,
  system: System,
  inputs: Record<string, unknown>,
): Record<string, unknown> {
  const { components } = system
  const { rtoMs, rpoMs } = targetsOf(request, system)
  const at = (site: string) => ({
    site,
    address: components?.traffic.addresses[site],
    database: components?.database?.endpoints[site],
  })
  return {
    system: {
      id: system.id,
      grade: system.grade,
      namespace: components?.namespace,
      workloads: components?.workloads,
      database:
        components?.database === undefined
          ? undefined
          : { name: components.database.name, replication: components.database.replication },
      traffic:
        components === undefined
          ? undefined
          : {
              name: components.traffic.name,
              port: components.traffic.port,
              ttlSeconds: components.traffic.ttlSeconds,
            },
      probe: components?.probe,
    },
    from: request.fromSite === undefined ? undefined : at(request.fromSite),
    to: at(request.toSite),
    targets: { rtoSeconds: Math.floor(rtoMs / 1000), rpoSeconds: Math.floor(rpoMs / 1000) },
    inputs,
  }
}
