import { siteState } from './site-state.ts'
import { attribute, systemHealth } from './system-health.ts'
import { defaultLimits, type Evaluation, type Limits, type Observations } from './types.ts'

/** What the observations mean. Pure: the same observations always mean the same. */
export function evaluate(seen: Observations, limits: Limits = defaultLimits): Evaluation {
  const sites = seen.sites.map((site) => siteState(site, seen, limits))
  const bySite = new Map(sites.map((site) => [site.site, site]))
  const systems = attribute(seen.systems.map((system) => systemHealth(system, seen, bySite, limits)))
  return { at: seen.at, systems, sites }
}
