import { HaetaeError } from '#model/errors.ts'
import type { Components, Estate, System } from '#estate/estate.ts'

/** Name of every system's database among the workloads of its namespace. */
export const databaseWorkload = 'db'

/** One system as the lab runs it, taken from the estate: nothing about a system is written in the lab's code. */
export interface LabSystem {
  id: string
  name: { ko: string; en: string }
  grade: string
  namespace: string
  /** Name under which citizens and other systems reach it. */
  dns: string
  port: number
  ttlSeconds: number
  home: string
  recovery: string
  /** Web service's address at each site. */
  webAddresses: Record<string, string>
  /** null for a system that keeps no data. */
  database: LabDatabase | null
  deployment: string
  replicas: number
  /** Hard dependencies that the lab runs too, with the names to ask. */
  needs: { id: string; dns: string }[]
}

export interface LabDatabase {
  name: string
  /** Its address at each site. */
  addresses: Record<string, string>
  synchronous: boolean
}

/** The systems of the estate that have components, in the estate's order. Throws `estate-invalid` for one that the lab cannot run. */
export function labSystems(estate: Estate): LabSystem[] {
  const running = new Map(estate.systems.filter(runs).map((system) => [system.id, system]))
  return [...running.values()].map((system) => labSystem(system, running))
}

function runs(system: System): boolean {
  return system.components !== undefined
}

function labSystem(system: System, running: ReadonlyMap<string, System>): LabSystem {
  const { components, recovery } = system
  const [workload] = components?.workloads ?? []
  if (components === undefined || workload === undefined || recovery === undefined) {
    throw new HaetaeError('estate-invalid', `system ${system.id}`, {
      why: 'the lab runs systems that have a workload and a recovery site',
    })
  }
  const { database, traffic } = components
  return {
    id: system.id,
    name: system.name,
    grade: system.grade,
    namespace: components.namespace,
    dns: traffic.name,
    port: traffic.port,
    ttlSeconds: traffic.ttlSeconds,
    home: system.home,
    recovery,
    webAddresses: { ...traffic.addresses },
    database: database === undefined ? null : labDatabase(database),
    deployment: workload.deployment,
    replicas: workload.replicas,
    needs: system.dependsOn.hard.flatMap((id) => {
      const dns = running.get(id)?.components?.traffic.name
      return dns === undefined ? [] : [{ id, dns }]
    }),
  }
}

function labDatabase({ name, endpoints, replication }: NonNullable<Components['database']>): LabDatabase {
  return {
    name,
    addresses: Object.fromEntries(Object.entries(endpoints).map(([site, { host }]) => [site, host])),
    synchronous: replication === 'synchronous',
  }
}
