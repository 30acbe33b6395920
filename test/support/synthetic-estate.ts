import type { Estate, System } from '#estate/estate.ts'

/** Ids of two to eight capital letters and digits, in order. */
export function syntheticId(nth: number): string {
  return `S${nth.toString(36).toUpperCase().padStart(4, '0')}`
}

const grades = ['T0', 'G1', 'G2', 'G3', 'G4'] as const

/**
 * An estate of so many movable systems at one site, shaped like the real one: a few foundations that most systems
 * need, chains of portals and their parts, soft dependencies across. The same count gives the same estate.
 */
export function syntheticEstate(count: number): Estate {
  return {
    apiVersion: 'haetae/v1',
    kind: 'Estate',
    sites: [
      { id: 'daejeon', name: { ko: '대전센터', en: 'Daejeon Center' } },
      { id: 'gwangju', name: { ko: '광주센터', en: 'Gwangju Center' } },
    ],
    targets: Object.fromEntries(
      grades.map((grade) => [grade, { rto: '1h', rpo: '5m' }]),
    ) as Estate['targets'],
    systems: Array.from({ length: count }, (_, nth) => syntheticSystem(nth)),
    leftOut: [],
  }
}

function syntheticSystem(nth: number): System {
  const id = syntheticId(nth)
  const name = id.toLowerCase()
  const port = 5432
  const earlier = nth === 0 ? [] : [...new Set([nth % 7, Math.floor(nth / 2), Math.floor(nth / 3)])]
  const hard = earlier.filter((other) => other < nth).map(syntheticId)
  const soft = nth > 50 ? [syntheticId(nth - 11)] : []
  return {
    id,
    name: { ko: `시험 ${id}`, en: `Test ${id}` },
    owner: 'test',
    grade: grades[Math.min(4, Math.floor(Math.log10(nth + 1) * 1.2))] ?? 'G4',
    home: 'daejeon',
    recovery: 'gwangju',
    dependsOn: { hard, soft: soft.filter((other) => !hard.includes(other)) },
    runbook: 'failover-postgres-web',
    components: {
      namespace: name,
      workloads: [{ deployment: 'web', replicas: 2 }],
      database: {
        name,
        replication: 'asynchronous',
        endpoints: { daejeon: { host: `${name}.daejeon`, port }, gwangju: { host: `${name}.gwangju`, port } },
      },
      traffic: {
        name: `${name}.example`,
        port: 443,
        ttlSeconds: 5,
        addresses: { daejeon: '10.1.0.1', gwangju: '10.2.0.1' },
      },
      probe: { path: '/transactions' },
    },
  }
}
