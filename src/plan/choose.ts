import type { System } from '#estate/estate.ts'
import { HaetaeError } from '#model/errors.ts'
import type { Localized } from '#model/localized.ts'
import { isOfFleet } from '#runbook/schema.ts'
import type { FailoverRequest, World } from './request.ts'

/** The systems that a failover is about: those that can go, and those that cannot, each with its reason. */
export interface Choice {
  /** In the order of registration. */
  moving: System[]
  staying: Map<string, Localized>
}

/** Where a system is primary now. */
export function activeSiteOf(system: System, world: World): string {
  return world.active(system.id)?.site ?? system.home
}

/** The site whose loss takes a system along: where it is primary, or was until a run took it and promoted nothing. */
export function leavesWith(system: System, world: World): string {
  return world.active(system.id)?.leaves ?? activeSiteOf(system, world)
}

/**
 * Chooses by name, or everything that is active at the lost site; what this installation leaves out is no part of it.
 * Throws `site-unknown`, `system-unknown`, `already-active`, and `plan-impossible` for a system that is somewhere else,
 * or when there is nothing to move.
 */
export function chooseSystems(request: FailoverRequest): Choice {
  const { estate, world, fromSite, toSite } = request
  for (const site of [fromSite, toSite])
    if (estate.sites.every(({ id }) => id !== site))
      throw new HaetaeError('site-unknown', site, {
        why: `the estate has ${estate.sites.map(({ id }) => id).join(', ')}`,
      })
  if (fromSite === toSite)
    throw new HaetaeError('plan-impossible', `a failover from ${fromSite} to itself`, {
      remedy: 'Ask the daemon of the site that is still there, with --site.',
    })
  const leftOut = new Set(estate.leftOut.map(({ id }) => id))
  const chosen =
    request.systems === undefined
      ? estate.systems.filter((system) => !leftOut.has(system.id) && leavesWith(system, world) === fromSite)
      : namedSystems(request, request.systems)
  const moving: System[] = []
  const staying = new Map<string, Localized>()
  for (const system of chosen) {
    const why = whyNot(system, request, leftOut)
    if (why === undefined) moving.push(system)
    else staying.set(system.id, why)
  }
  if (moving.length === 0)
    throw new HaetaeError('plan-impossible', `a failover from ${fromSite} to ${toSite}`, {
      why:
        staying.size === 0
          ? `no system is active at ${fromSite}`
          : [...staying].map(([id, { en }]) => `${id}: ${en}`).join('; '),
    })
  return { moving, staying }
}

function namedSystems(
  { estate, world, fromSite, toSite }: FailoverRequest,
  ids: readonly string[],
): System[] {
  const byId = new Map(estate.systems.map((system) => [system.id, system]))
  return [...new Set(ids)].map((id) => {
    const system = byId.get(id)
    if (system === undefined)
      throw new HaetaeError('system-unknown', id, { why: 'the estate does not register it' })
    const site = leavesWith(system, world)
    if (site === toSite)
      throw new HaetaeError('already-active', `${id} at ${toSite}`, {
        why: `the newest authority on record has ${id} at ${site}: there is nothing to move`,
        facts: { system: id, site },
      })
    if (site !== fromSite)
      throw new HaetaeError('plan-impossible', id, { why: `it is active at ${site}, not at ${fromSite}` })
    return system
  })
}

/** Why a system cannot be taken to the site, before what it needs is looked at. */
function whyNot(
  system: System,
  { toSite, runbooks }: FailoverRequest,
  leftOut: ReadonlySet<string>,
): Localized | undefined {
  const { recovery, home, runbook, components } = system
  if (leftOut.has(system.id))
    return { ko: '이 환경에서 운영하지 않음', en: 'this installation leaves it out' }
  if (recovery === undefined) return { ko: '재해복구 센터가 없음', en: 'it has no recovery site' }
  if (recovery !== toSite && home !== toSite)
    return { ko: `재해복구 센터가 ${recovery}임`, en: `its recovery site is ${recovery}, not ${toSite}` }
  if (components === undefined || runbook === undefined)
    return { ko: '구성요소나 런북이 등록되지 않음', en: 'it is registered without components or a runbook' }
  const found = runbooks.get(runbook)
  if (found === undefined) return { ko: `런북 ${runbook}이 없음`, en: `there is no runbook ${runbook}` }
  if (found.definition.part === true)
    return {
      ko: `런북 ${runbook}은 다른 런북의 일부임`,
      en: `runbook ${runbook} is only a part of other runbooks`,
    }
  if (isOfFleet(found.definition))
    return {
      ko: `런북 ${runbook}은 여러 시스템을 함께 옮기는 런북임`,
      en: `runbook ${runbook} is for fleets, not for one system`,
    }
  if (!found.definition.modes.includes('failover'))
    return { ko: `런북 ${runbook}은 재해 전환용이 아님`, en: `runbook ${runbook} is not for failovers` }
  return undefined
}
