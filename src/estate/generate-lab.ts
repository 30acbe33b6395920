import type { RegisteredSystem } from './systems-text.ts'

/*
 * What the lab runs of the estate: twelve systems on two sites. Their numbers fix their addresses, the same in
 * every instance of the lab.
 */

/** The lab's systems; a system's number, from 1, is the last part of its addresses. */
const labSystems = ['G2B', 'UNI', 'HTX', 'GOV', 'PAT', 'EPP', 'G4B', 'ONN', 'PIS', 'RRS', 'GPK', 'AID']
const networks = { daejeon: 71, gwangju: 72 } as const

const head = `# What the lab runs of the estate; made by \`npm run estate:generate\`, do not edit by hand.
# Where the estate gives a system no recovery site, the lab does, and says so.
apiVersion: haetae/v1
kind: EstateOverlay

systems:
`

/** The lab's overlay for the systems of the origin text. */
export function labYaml(systems: RegisteredSystem[]): string {
  const byId = new Map(systems.map((system) => [system.id, system]))
  const entries = labSystems.map((id, index) => {
    const system = byId.get(id)
    if (system === undefined) throw new Error(`systems.txt has no ${id}, which the lab runs`)
    return entry(system, index + 1)
  })
  const rest = systems.filter((system) => !labSystems.includes(system.id))
  return `${head}${entries.join('\n')}\n${leftOut(rest.map((system) => system.id))}`
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
  return `  - id: ${system.id}
${given}    runbook: failover-postgres-web
    components:
      namespace: ${name}
      workloads: [{ deployment: web, replicas: 1 }]
      database:
        name: app
        replication: ${system.grade === 'T0' ? 'synchronous' : 'asynchronous'}
        endpoints:
${perSite((site, network) => `          ${site}: { host: 10.${network}.2.${number}, port: 5432 }`)}
      traffic:
        name: ${name}.gov.test
        port: 443
        ttlSeconds: 2
        addresses:
${perSite((site, network) => `          ${site}: 10.${network}.1.${number}`)}
      probe: { path: /transactions }
`
}

/** Why the others are registered only, in words that plan and report repeat. */
function leftOut(ids: string[]): string {
  const named = reasons.flatMap((reason) => reason.ids)
  const others = { ids: ids.filter((id) => !named.includes(id)), ...rest }
  const groups = [...reasons, others].map(
    ({ ids, ko, en }) => `  - ids: [${ids.join(', ')}]\n    why: { ko: ${ko}, en: '${en}' }\n`,
  )
  return `leftOut:\n${groups.join('')}`
}

const rest = {
  ko: '실습 환경은 열두 시스템만 운영하며 이 시스템은 등록만 되어 있음',
  en: 'the lab runs twelve systems; this one is registered only',
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
