import { runbookDetail } from '#api/runbook-view.ts'
import { HaetaeError } from '#model/errors.ts'
import { instant, parseDuration } from '#model/time.ts'
import type { EstateService } from '#api/services.ts'
import type { SiteView, SystemDetail, SystemSummary } from '#api/schema/estate.ts'
import type { OpenFinding, Text } from '#api/schema/common.ts'
import { buildGraph } from '#estate/graph.ts'
import type { System } from '#estate/estate.ts'
import type { FindingStore } from '#finding/store.ts'
import type { Monitor } from '#monitor/monitor.ts'
import { vantageText } from '#monitor/reasons.ts'
import type { SystemHealth, VantageSight } from '#monitor/types.ts'
import { stepTypes } from '#steps/index.ts'
import type { Catalogue } from '../catalogue.ts'
import type { World } from '../world.ts'
import { openFindings } from './finding.ts'
import { pageOf } from './page.ts'

interface Needs {
  catalogue: Catalogue
  world: World
  monitor: Monitor
  findings: FindingStore
  site: string
}

/** What the API tells about systems and sites: the catalogue joined with authority and health. */
export function estateService(needs: Needs): EstateService {
  const { catalogue } = needs
  return {
    runbooks: async () =>
      [...catalogue.runbooks.values()].map((runbook) => {
        const { graph: _graph, inputs: _inputs, ...summary } = runbookDetail(runbook, stepTypes)
        return summary
      }),
    async runbook(name) {
      const runbook = catalogue.runbooks.get(name)
      if (runbook !== undefined) return runbookDetail(runbook, stepTypes)
      throw new HaetaeError('runbook-unknown', `runbook ${name}`, {
        why: `the catalogue has ${[...catalogue.runbooks.keys()].join(', ') || 'none'}`,
      })
    },
    async systems(page) {
      const findingsOf = await openFindings(needs.findings)
      const part = pageOf(catalogue.estate.systems, page, (one) => one.id)
      return { ...part, items: part.items.map((system) => summary(needs, system, findingsOf)) }
    },
    async system(id) {
      const system = catalogue.systems.get(id)
      if (system === undefined) throw unknownSystem(id, catalogue)
      return detail(needs, system, await openFindings(needs.findings))
    },
    sites: async () => sites(needs, await openFindings(needs.findings)),
  }
}

/** Says which ids there are when one is close, because ids are typed by people. */
export function unknownSystem(id: string, catalogue: Catalogue): HaetaeError {
  const near = [...catalogue.systems.keys()].filter((known) => known.toLowerCase() === id.toLowerCase())
  return new HaetaeError('system-unknown', `system ${id}`, {
    why: near[0] === undefined ? 'the estate does not register it' : `did you mean ${near[0]}?`,
  })
}

function healthOf({ monitor }: Needs, id: string): SystemHealth | undefined {
  return monitor.current().systems.find((health) => health.system === id)
}

type FindingsOf = (about: string) => OpenFinding[]

function summary(needs: Needs, system: System, findingsOf: FindingsOf): SystemSummary {
  const { world, monitor } = needs
  const health = healthOf(needs, system.id)
  const at = monitor.current().at
  return {
    id: system.id,
    name: system.name,
    grade: system.grade,
    owner: system.owner,
    home: system.home,
    recovery: system.recovery ?? null,
    activeSite: world.activeSite(system.id),
    epoch: world.authority(system.id)?.epoch ?? null,
    health: health?.health ?? 'unknown',
    reasons: health === undefined ? [notLookedYet] : health.reasons.map((reason) => reason.text),
    lookedAt: at === 0 ? null : instant(at),
    movable: system.components !== undefined && system.recovery !== undefined,
    heldBy: world.heldBy(system.id),
    findings: findingsOf(system.id),
  }
}

const notLookedYet = { ko: '아직 살펴보지 않았습니다', en: 'it was not looked at yet' }

function detail(needs: Needs, system: System, findingsOf: FindingsOf): SystemDetail {
  const { estate } = needs.catalogue
  const target = estate.targets[system.grade]
  const { components } = system
  return {
    ...summary(needs, system, findingsOf),
    dependsOn: [
      ...system.dependsOn.hard.map((id) => neighbour(needs, id, 'hard')),
      ...system.dependsOn.soft.map((id) => neighbour(needs, id, 'soft')),
    ],
    neededBy: estate.systems.flatMap((other) => {
      if (other.dependsOn.hard.includes(system.id)) return [neighbour(needs, other.id, 'hard')]
      return other.dependsOn.soft.includes(system.id) ? [neighbour(needs, other.id, 'soft')] : []
    }),
    targets:
      target === undefined
        ? null
        : { rtoMs: parseDuration(target.rto) ?? 0, rpoMs: parseDuration(target.rpo) ?? 0 },
    database: databaseView(components?.database),
    workloads: components?.workloads ?? [],
    traffic:
      components === undefined
        ? null
        : {
            name: components.traffic.name,
            port: components.traffic.port,
            addresses: components.traffic.addresses,
          },
    runbook: system.runbook ?? null,
    notes: notesOf(needs, system),
  }
}

function databaseView(database: NonNullable<System['components']>['database']): SystemDetail['database'] {
  if (database === undefined) return null
  const endpoints = Object.entries(database.endpoints).map(
    ([site, endpoint]) => [site, `${endpoint.host}:${endpoint.port}`] as const,
  )
  return { name: database.name, replication: database.replication, endpoints: Object.fromEntries(endpoints) }
}

function neighbour(needs: Needs, id: string, kind: 'hard' | 'soft'): SystemDetail['dependsOn'][number] {
  const { catalogue } = needs
  const leftOut = catalogue.estate.leftOut.find((one) => one.id === id)
  const system = catalogue.systems.get(id)
  const note: Text | null =
    leftOut?.why ??
    (system?.recovery === undefined && system?.home !== 'each'
      ? { ko: '재해복구 센터가 없어 옮길 수 없습니다', en: 'it has no recovery site and cannot be moved' }
      : null)
  return { id, kind, health: leftOut === undefined ? (healthOf(needs, id)?.health ?? null) : null, note }
}

function notesOf({ catalogue }: Needs, system: System): Text[] {
  const notes: Text[] = []
  if (system.recoveryGivenByLab === true) {
    notes.push({
      ko: `재해복구 센터(${system.recovery})는 실습 환경이 준 것이며 실제 현황에는 없습니다`,
      en: `its recovery site (${system.recovery}) is the lab's gift: the estate gives it none`,
    })
  }
  if (system.components === undefined) {
    const why = catalogue.estate.leftOut.find((one) => one.id === system.id)?.why
    notes.push(why ?? { ko: '등록만 되어 있습니다', en: 'it is registered only' })
  }
  const graph = buildGraph(catalogue.estate.systems)
  const unmovable = (graph.hard.get(system.id) ?? []).filter(
    (id) => catalogue.systems.get(id)?.components === undefined,
  )
  if (unmovable.length > 0) {
    const ids = unmovable.join(', ')
    notes.push({ ko: `여기서 운영하지 않는 필수 연계: ${ids}`, en: `needs ${ids}, not run here` })
  }
  return notes
}

function sites({ catalogue, monitor, world, site: self }: Needs, findingsOf: FindingsOf): SiteView[] {
  return catalogue.estate.sites.map((site) => {
    const sight = monitor.current().sites.find((one) => one.site === site.id)
    const since = monitor.since(`site ${site.id}`)
    return {
      id: site.id,
      name: site.name,
      self: site.id === self,
      state: sight?.state ?? 'degraded',
      reasons: sight?.reasons.map((reason) => reason.text) ?? [notLookedYet],
      vantagePoints: sight?.sights.map(vantageView) ?? [],
      since: since === undefined ? null : instant(since),
      systemsActive: world.authorities().filter((authority) => authority.site === site.id).length,
      findings: findingsOf(site.id),
    }
  })
}

function vantageView(sight: VantageSight): SiteView['vantagePoints'][number] {
  return { from: vantageText(sight.kind).en, sees: sight.saw, at: instant(sight.at), detail: sight.why }
}
