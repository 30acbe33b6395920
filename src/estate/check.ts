import type { Path } from '#platform/yaml/document.ts'
import type { Problem } from '#platform/yaml/problem.ts'
import { pathText, remedyFor } from '#platform/yaml/shape.ts'
import type { Estate, System } from './estate.ts'
import { buildGraph, cyclesOf } from './graph.ts'

/** Where in the files something was written. */
export interface Origins {
  /** A part of a system's entry: in the overlay where that wrote it, in the estate otherwise. */
  system(index: number, path: Path): Place
  site(index: number): Place
  leftOut(id: string): Place
}
type Place = Pick<Problem, 'file' | 'line' | 'column'>

interface Found {
  place: Place
  path: Path
  rule: string
  reason: string
  remedy: string
}

/** What a schema cannot see: names that lead nowhere, doubles, cycles, and places that do not fit together. */
export function checkEstate(estate: Estate, origins: Origins): Problem[] {
  return [
    ...doubles(estate, origins),
    ...estate.systems.flatMap((system, index) => checkSystem(estate, system, index, origins)),
    ...hardCycles(estate, origins),
    ...leftOuts(estate, origins),
  ].map(({ place, path, ...rest }) => ({ ...place, path: pathText(path), ...rest }))
}

function doubles(estate: Estate, origins: Origins): Found[] {
  const first = new Map<string, number>()
  return [
    ...estate.systems.flatMap(({ id }, index): Found[] => {
      const earlier = first.get(id)
      if (earlier === undefined) {
        first.set(id, index)
        return []
      }
      const path = ['systems', index, 'id']
      const reason = `${id} is registered already, on line ${origins.system(earlier, ['id']).line}`
      return [
        {
          place: origins.system(index, ['id']),
          path,
          rule: 'duplicate-id',
          reason,
          remedy: 'Give it another id, or remove one of the two.',
        },
      ]
    }),
    ...estate.sites.flatMap(({ id }, index): Found[] =>
      estate.sites.findIndex((site) => site.id === id) === index
        ? []
        : [
            {
              place: origins.site(index),
              path: ['sites', index, 'id'],
              rule: 'duplicate-id',
              reason: `the site ${id} is there already`,
              remedy: 'Remove one of the two.',
            },
          ],
    ),
  ]
}

function checkSystem(estate: Estate, system: System, index: number, origins: Origins): Found[] {
  const at = (path: Path, rule: string, reason: string, remedy: string): Found => ({
    place: origins.system(index, path),
    path: ['systems', index, ...path],
    rule,
    reason,
    remedy,
  })
  return [
    ...checkDependencies(estate, system, at),
    ...checkPlaces(estate, system, at),
    ...checkComponents(estate, system, at),
  ]
}

type At = (path: Path, rule: string, reason: string, remedy: string) => Found

function checkDependencies(estate: Estate, { id, dependsOn }: System, at: At): Found[] {
  const known = idsOf(estate)
  return (['hard', 'soft'] as const).flatMap((kind) =>
    dependsOn[kind].flatMap((other, nth) => {
      const path = ['dependsOn', kind, nth]
      if (!known.has(other)) {
        const remedy = remedyFor(other, [...known]).replace(
          /^Remove it;.*/,
          'Register it, or remove the dependency.',
        )
        return [at(path, 'unknown-dependency', `${id} depends on ${other}, which is not registered`, remedy)]
      }
      const twice =
        dependsOn[kind].indexOf(other) !== nth || (kind === 'soft' && dependsOn.hard.includes(other))
      return twice
        ? [at(path, 'duplicate-dependency', `${id} names ${other} twice`, 'Keep one; hard outweighs soft.')]
        : []
    }),
  )
}

/** Kept per estate: a set of 15,000 ids is made once, not once a system. */
const idSets = new WeakMap<Estate, ReadonlySet<string>>()
function idsOf(estate: Estate): ReadonlySet<string> {
  const ids = idSets.get(estate) ?? new Set(estate.systems.map(({ id }) => id))
  idSets.set(estate, ids)
  return ids
}

function checkPlaces(estate: Estate, system: System, at: At): Found[] {
  const sites = estate.sites.map(({ id }) => id)
  const known = `Name one of ${sites.join(', ')}, or add the site.`
  const found: Found[] = []
  if (system.home !== 'each' && !sites.includes(system.home))
    found.push(at(['home'], 'unknown-site', `there is no site ${system.home}`, known))
  if (system.recovery !== undefined && !sites.includes(system.recovery))
    found.push(at(['recovery'], 'unknown-site', `there is no site ${system.recovery}`, known))
  if (system.recovery !== undefined && (system.recovery === system.home || system.home === 'each'))
    found.push(
      at(
        ['recovery'],
        'recovery-at-home',
        `the recovery site of ${system.id} is where it is already`,
        'Name another site, or none.',
      ),
    )
  if (system.recoveryGivenByLab === true && system.recovery === undefined)
    found.push(
      at(
        ['recoveryGivenByLab'],
        'recovery-missing',
        `${system.id} has no recovery site`,
        'Name one, or remove this field.',
      ),
    )
  return found
}

/** A system that can be moved needs a way to move, and everything at both ends of it. */
function checkComponents(estate: Estate, system: System, at: At): Found[] {
  const { components } = system
  if (components === undefined) return []
  const found: Found[] = []
  if (system.runbook === undefined)
    found.push(
      at(
        ['components'],
        'runbook-missing',
        `${system.id} has components and no runbook to move them`,
        'Name a runbook.',
      ),
    )
  const ends = [system.home, system.recovery].filter(
    (site): site is string => site !== undefined && site !== 'each',
  )
  const perSite: [Path, Record<string, unknown>][] = [
    [['components', 'traffic', 'addresses'], components.traffic.addresses],
    ...(components.database === undefined
      ? []
      : ([[['components', 'database', 'endpoints'], components.database.endpoints]] as [
          Path,
          Record<string, unknown>,
        ][])),
  ]
  const sites = new Set(estate.sites.map(({ id }) => id))
  for (const [path, places] of perSite) {
    for (const site of ends)
      if (places[site] === undefined)
        found.push(
          at(
            path,
            'site-missing',
            `${system.id} has none for ${site}, where it lives or goes`,
            `Add ${site}.`,
          ),
        )
    for (const site of Object.keys(places))
      if (!sites.has(site))
        found.push(
          at(
            [...path, site],
            'unknown-site',
            `there is no site ${site}`,
            'Correct the name, or add the site.',
          ),
        )
  }
  return found
}

function hardCycles(estate: Estate, origins: Origins): Found[] {
  const indexOf = new Map(estate.systems.map(({ id }, index) => [id, index]))
  return cyclesOf(buildGraph(estate.systems).hard).map((cycle) => {
    const index = indexOf.get(cycle[0] ?? '') ?? 0
    return {
      place: origins.system(index, ['dependsOn', 'hard']),
      path: ['systems', index, 'dependsOn', 'hard'],
      rule: 'dependency-cycle',
      reason: `none of these can start first: ${cycle.join(' needs ')}`,
      remedy: 'Make one of them a soft dependency, if the system can start with less.',
    }
  })
}

function leftOuts(estate: Estate, origins: Origins): Found[] {
  const known = new Map(estate.systems.map((system) => [system.id, system]))
  return estate.leftOut.flatMap(({ id }, index): Found[] => {
    const at = { place: origins.leftOut(id), path: ['leftOut', index] }
    const system = known.get(id)
    if (system === undefined)
      return [{ ...at, rule: 'unknown-system', reason: `${id} is not registered`, remedy: remedyFor(id, []) }]
    if (system.components !== undefined)
      return [
        {
          ...at,
          rule: 'left-out-and-run',
          reason: `${id} is left out here and has components too`,
          remedy: 'Remove one of the two.',
        },
      ]
    return []
  })
}
