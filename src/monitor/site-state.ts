import { because } from './reasons.ts'
import type { Limits, Observations, Reason, SiteSight, VantageSight } from './types.ts'

/**
 * The state of one site from what every vantage point saw. Pure.
 *
 * Suspected lost needs silence from at least two independent vantage points and an answer from none; `lost` comes
 * only from a fence or an attestation on record. A lost vantage point counts neither way.
 */
export function siteState(site: string, seen: Observations, limits: Limits): SiteSight {
  const sights = seen.sights.filter((sight) => sight.site === site)
  const answering = sights.filter((sight) => sight.saw === 'answer')
  const silent = sights.filter((sight) => sight.saw === 'silence' && sight.silentMs >= limits.silentMs)
  const reasons = [...silent.map(silence), ...answering.filter((sight) => sight.fault).map(fault)]
  const self = site === seen.from
  const sightOf = (state: SiteSight['state'], more: Reason[] = []): SiteSight => ({
    site,
    self,
    state,
    reasons: [...reasons, ...more],
    sights,
  })
  const lost = seen.lost[site]
  if (lost !== undefined && !self) {
    return answering.length === 0 ? sightOf('lost') : sightOf('degraded', [because.answersThoughLost()])
  }
  if (self) return sightOf(reasons.length === 0 ? 'up' : 'degraded')
  const kinds = new Set(silent.map((sight) => sight.kind)).size
  if (answering.length === 0 && kinds >= 2)
    return sightOf('suspected-lost', [because.cannotTellFromCutLink()])
  if (kinds > 0) return sightOf('degraded', kinds === 1 ? [because.oneVantageOnly()] : [])
  if (reasons.length > 0) return sightOf('degraded')
  // Silence too short to count is not an answer, but no reason to raise an alarm either.
  const looked = sights.some((sight) => sight.saw !== 'unavailable')
  return looked ? sightOf('up') : sightOf('unknown', [because.noVantage()])
}

function silence(sight: VantageSight): Reason {
  return because.vantageSilent(sight.kind, sight.silentMs, sight.why)
}

function fault(sight: VantageSight): Reason {
  return because.vantageFault(sight.kind, sight.why)
}
