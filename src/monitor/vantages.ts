import { knock } from '#platform/network/knock.ts'
import type { PrometheusLook } from './prometheus-source.ts'
import type { StandbyLook } from './replication.ts'
import type { Look, Vantage } from './vantage.ts'

/** A standby that got nothing for longer than this sees silence. Heartbeat rows are written every second. */
const receiptMs = 2_500

/** The site's scrape targets, as this site's Prometheus sees them. `isActive`: the system is primary there. */
export function prometheusVantage(
  site: string,
  everyMs: number,
  look: (signal: AbortSignal) => Promise<PrometheusLook>,
  isActive: (system: string) => boolean,
): Vantage {
  return {
    site,
    kind: 'prometheus',
    everyMs,
    look: async (signal) => targetsSeen(await look(signal), site, isActive),
  }
}

/** What Prometheus's targets of a site mean. Pure. Web services that do not run there are not expected to answer. */
export function targetsSeen(seen: PrometheusLook, site: string, isActive: (system: string) => boolean): Look {
  if (!seen.prometheus.answered) return { saw: 'unavailable', fault: false, why: seen.prometheus.why }
  const targets = (seen.targets[site] ?? []).filter(({ system }) => system === undefined || isActive(system))
  const all = targets.length
  if (all === 0) return { saw: 'unavailable', fault: false, why: 'Prometheus scrapes nothing there' }
  const answered = targets.filter((target) => target.answered).length
  if (answered === 0) return { saw: 'silence', fault: false, why: `none of ${all} targets answers` }
  // One target more or less is the health of a system; it is a fault of the site when most are gone.
  return {
    saw: 'answer',
    fault: answered * 2 < all,
    why: answered === all ? `all ${all} targets answer` : `${answered} of ${all} targets answer`,
  }
}

/** The site's API server, knocked at directly: it needs neither Prometheus nor a daemon. */
export function apiServerVantage(site: string, host: string, port: number, everyMs: number): Vantage {
  return {
    site,
    kind: 'api-server',
    everyMs,
    async look(signal) {
      const { result, why } = await knock(host, port, 1_000, signal)
      if (result === 'silent') return { saw: 'silence', fault: false, why }
      return { saw: 'answer', fault: result === 'refused', why }
    },
  }
}

/** WAL that comes from the site, as the standbys here see it. */
export function replicationVantage(
  site: string,
  everyMs: number,
  look: (signal: AbortSignal) => Promise<ReadonlyMap<string, StandbyLook>>,
): Vantage {
  return { site, kind: 'replication', everyMs, look: async (signal) => streamsSeen(await look(signal)) }
}

/** What the standbys of a site's systems mean together. Pure. */
export function streamsSeen(looks: ReadonlyMap<string, StandbyLook>): Look {
  const seen = [...looks.values()].flatMap((look) => (look.kind === 'seen' ? [look.sight] : []))
  if (seen.length === 0) return { saw: 'unavailable', fault: false, why: 'no standby of it answers here' }
  const ages = seen.flatMap((sight) => sight.silentMs ?? [])
  const lively = ages.filter((age) => age < receiptMs).length
  const silentMs = Math.max(0, Math.min(...ages, Number.MAX_SAFE_INTEGER))
  if (lively === 0) {
    const why = `none of ${seen.length} standbys receives`
    return { saw: 'silence', fault: false, why, ...(ages.length === 0 ? {} : { silentMs }) }
  }
  const why = `${lively} of ${seen.length} standbys receive`
  return { saw: 'answer', fault: lively * 2 < seen.length, why, silentMs }
}
