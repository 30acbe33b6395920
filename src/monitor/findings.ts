import type { FindingSeen } from '#finding/finding.ts'
import type { Localized } from '#model/localized.ts'
import { instant } from '#model/time.ts'
import type { Evaluation, Reason, SiteSight, SystemHealth } from './types.ts'

/** The rules that this room writes; nobody else closes them. */
export const monitorRules = [
  'site-suspected-lost',
  'site-degraded',
  'system-down',
  'system-unknown',
  'system-degraded',
] as const

/** Since when each system and site is in its state: `system GPK` or `site daejeon` → milliseconds. */
export type Since = ReadonlyMap<string, number>

/** A state younger than this is not written down yet: a scrape that came late is no finding. */
const settledMs = 2_000

/** What an evaluation means as findings. Pure. Suspicion of a site is written at once. */
export function findingsOf(evaluation: Evaluation, since: Since): FindingSeen[] {
  const settled = (key: string): boolean => evaluation.at - (since.get(key) ?? evaluation.at) >= settledMs
  const sites = evaluation.sites
    .filter((site) => site.state === 'suspected-lost' || settled(`site ${site.site}`))
    .flatMap((site) => siteFinding(site, since))
  const systems = evaluation.systems
    .filter((system) => settled(`system ${system.system}`))
    .flatMap((system) => systemFinding(system, since))
  return [...sites, ...systems]
}

function siteFinding(site: SiteSight, since: Since): FindingSeen[] {
  if (site.state !== 'suspected-lost' && site.state !== 'degraded') return []
  const lost = site.state === 'suspected-lost'
  return [
    {
      rule: lost ? 'site-suspected-lost' : 'site-degraded',
      subject: site.site,
      // A site that this one has no way to look at is worth a line, not an alarm.
      severity: lost
        ? 'critical'
        : site.reasons.every(({ code }) => code === 'no-vantage')
          ? 'info'
          : 'warning',
      message: sentence(site.reasons),
      facts: { sights: site.sights, reasons: site.reasons.map((reason) => reason.code) },
      since: instant(since.get(`site ${site.site}`) ?? 0),
    },
  ]
}

function systemFinding(system: SystemHealth, since: Since): FindingSeen[] {
  if (system.health === 'up' || system.reasons[0]?.code === 'registered-only') return []
  return [
    {
      rule: `system-${system.health}`,
      subject: system.system,
      severity: system.health === 'down' ? 'critical' : 'warning',
      message: sentence(system.reasons),
      facts: {
        site: system.site,
        causes: system.causes,
        vantage: system.vantage,
        reasons: system.reasons.map((reason) => reason.code),
      },
      since: instant(since.get(`system ${system.system}`) ?? 0),
    },
  ]
}

function sentence(reasons: readonly Reason[]): Localized {
  return {
    ko: reasons.map((reason) => reason.text.ko).join('; '),
    en: reasons.map((reason) => reason.text.en).join('; '),
  }
}
