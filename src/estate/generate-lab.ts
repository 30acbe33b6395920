import type { RegisteredSystem } from './systems-text.ts'

/*
 * What labs run of the estate. Systems' numbers fix their addresses, the same in every lab.
 */

/** Systems that a lab can run; a system's number, from 1, is the last part of its addresses. */
const numbered = ['G2B', 'UNI', 'HTX', 'GOV', 'PAT', 'EPP', 'G4B', 'ONN', 'PIS', 'RRS', 'GPK', 'AID', 'NSS']
/** Of these, those that keep no data. */
const stateless: readonly string[] = ['NSS']

/** Labs by the names of their overlays: the drill's twelve systems on databases, and a pair with one that has none. */
export const labs = {
  lab: { systems: numbered.filter((id) => !stateless.includes(id)), ko: '열두', en: 'twelve' },
  'lab-pair': { systems: ['AID', 'NSS'], ko: '두', en: 'two' },
} as const satisfies Record<string, { systems: readonly string[]; ko: string; en: string }>
export type LabName = keyof typeof labs
const networks = { daejeon: 71, gwangju: 72 } as const

const head = `# What the lab runs of the estate; made by \`npm run estate:generate\`, do not edit by hand.
# Where the estate gives a system no recovery site, the lab does, and says so.
apiVersion: haetae/v1
kind: EstateOverlay

systems:
`

/** A lab's overlay for the systems of the origin text. */
export function labYaml(systems: RegisteredSystem[], name: LabName): string {
  const lab: { systems: readonly string[] } = labs[name]
  const byId = new Map(systems.map((system) => [system.id, system]))
  const entries = lab.systems.map((id) => {
    const system = byId.get(id)
    if (system === undefined) throw new Error(`systems.txt has no ${id}, which the lab runs`)
    return entry(system, numbered.indexOf(id) + 1)
  })
  const rest = systems.map(({ id }) => id).filter((id) => !lab.systems.includes(id))
  return `${head}${entries.join('\n')}\n${leftOut(rest, name)}`
}

function entry(system: RegisteredSystem, number: number): string {
  const name = system.id.toLowerCase()
  const given =
    system.recovery === undefined
      ? `    recovery: ${system.home === 'daejeon' ? 'gwangju' : 'daejeon'}\n    recoveryGivenByLab: true\n`
      : ''
  const perSite = (line: (site: string, network: number) => string) =>
    Object.entries(networks)
      .map(([site, network]) => line(site, network))
      .join('\n')
  const keepsData = !stateless.includes(system.id)
  const database = `      database:
        name: app
        replication: ${system.grade === 'T0' ? 'synchronous' : 'asynchronous'}
        endpoints:
${perSite((site, network) => `          ${site}: { host: 10.${network}.2.${number}, port: 5432 }`)}
`
  return `  - id: ${system.id}
${given}    runbook: ${keepsData ? 'failover-postgres-web' : 'failover-stateless'}
    components:
      namespace: ${name}
      workloads: [{ deployment: web, replicas: 1 }]
${keepsData ? database : ''}      traffic:
        name: ${name}.gov.test
        port: 443
        ttlSeconds: 2
        addresses:
${perSite((site, network) => `          ${site}: 10.${network}.1.${number}`)}
      probe: { path: ${keepsData ? '/transactions' : '/answer'} }
`
}

/** Why the others are registered only, in words that plan and report repeat. */
function leftOut(ids: string[], name: LabName): string {
  const { ko, en } = labs[name]
  const named = reasons.flatMap((reason) => reason.ids)
  const others = {
    ids: ids.filter((id) => !named.includes(id)),
    ko: `실습 환경은 ${ko} 시스템만 운영하며 이 시스템은 등록만 되어 있음`,
    en: `the lab runs ${en} systems; this one is registered only`,
  }
  const groups = [...reasons, others].map(
    ({ ids, ko, en }) => `  - ids: [${ids.join(', ')}]\n    why: { ko: ${ko}, en: '${en}' }\n`,
  )
  return `leftOut:\n${groups.join('')}`
}

const reasons = [
  {
    ids: ['FAC', 'NET'],
    ko: '실습 환경을 싣고 있는 장비가 대신함',
    en: 'the machine that carries the lab stands in for it',
  },
  { ids: ['SEC'], ko: '실습 환경에는 보안장비가 없음', en: 'the lab has no security appliances' },
  {
    ids: ['DNS'],
    ko: '실습 환경의 센터마다 이름 서버가 있음',
    en: 'each site of the lab has a name server of its own',
  },
  {
    ids: ['STO'],
    ko: '실습 환경에는 스토리지 장비가 없고 각 센터의 폴더를 씀',
    en: 'the lab has no storage array; volumes are folders of each site',
  },
]
