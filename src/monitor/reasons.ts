import type { Localized } from '#model/localized.ts'
import type { Reason, ReasonCode, VantageKind } from './types.ts'

const seconds = (ms: number): string => (ms / 1000).toFixed(1)

const vantageName: Record<VantageKind, Localized> = {
  peer: { ko: '상대 센터의 데몬', en: "its daemon (asked by this site's daemon)" },
  prometheus: { ko: '그 센터의 수집 대상', en: 'its scrape targets (seen by Prometheus)' },
  'api-server': { ko: '그 센터의 API 서버', en: 'its API server (knocked at directly)' },
  replication: { ko: '그 센터에서 오는 복제 흐름', en: 'replication from it (seen by the standbys here)' },
}

export function vantageText(kind: VantageKind): Localized {
  return vantageName[kind]
}

function reason(code: ReasonCode, ko: string, en: string, about?: string): Reason {
  return { code, text: { ko, en }, ...(about === undefined ? {} : { about }) }
}

/** The sentences of the monitor, each in both languages. */
export const because = {
  activeSiteUnknown: () =>
    reason('active-site-unknown', '운영 센터를 알 수 없습니다', 'nobody here knows where it is active'),
  registeredOnly: () => reason('registered-only', '등록만 됨', 'registered only'),
  siteLost: (site: string) =>
    reason('site-lost', `${site} 센터가 상실되었습니다`, `its site ${site} is lost`, site),
  siteSuspectedLost: (site: string) =>
    reason(
      'site-suspected-lost',
      `${site} 센터의 상실이 의심되어 볼 수 있는 곳이 없습니다`,
      `its site ${site} is suspected lost: nothing there can be seen`,
      site,
    ),
  prometheusSilent: (why: string) =>
    reason(
      'prometheus-silent',
      `이 센터의 Prometheus를 사용할 수 없습니다: ${why}`,
      `Prometheus of this site is not available: ${why}`,
    ),
  measureMissing: (what: string, site: string) =>
    reason(
      'measure-missing',
      `Prometheus에 ${site} 센터의 ${what} 값이 없습니다`,
      `Prometheus has no ${what} of it at ${site}`,
    ),
  measureStale: (ageMs: number) =>
    reason(
      'measure-stale',
      `마지막 측정이 ${seconds(ageMs)}초 전입니다`,
      `the last measure is ${seconds(ageMs)} s old`,
    ),
  scrapeFailed: (site: string) =>
    reason(
      'scrape-failed',
      `${site} 센터의 웹 서비스가 Prometheus에 응답하지 않습니다`,
      `its web service at ${site} does not answer Prometheus`,
      site,
    ),
  dependencySilent: (system: string) =>
    reason(
      'dependency-silent',
      `필수 연계 ${system}이(가) 응답하지 않습니다`,
      `${system}, which it needs, does not answer`,
      system,
    ),
  databaseSilent: () =>
    reason(
      'database-silent',
      '데이터베이스가 응답하지 않거나 쓰기를 받지 않습니다',
      'its database does not answer, or takes no writes',
    ),
  notReady: () =>
    reason(
      'not-ready',
      '스스로 준비되지 않았다고 합니다',
      'it says that it is not ready, without saying why',
    ),
  heartbeatStale: (ageMs: number) =>
    reason(
      'heartbeat-stale',
      `하트비트가 ${seconds(ageMs)}초 동안 없습니다`,
      `its heartbeat is ${seconds(ageMs)} s old`,
    ),
  replicationBroken: (site: string) =>
    reason(
      'replication-broken',
      `${site} 센터의 대기 서버로 복제되지 않습니다`,
      `it is not replicated to its standby at ${site}`,
      site,
    ),
  vantageSilent: (kind: VantageKind, silentMs: number, why: string) =>
    reason(
      'vantage-silent',
      `${vantageName[kind].ko}: ${seconds(silentMs)}초 동안 응답 없음 (${why})`,
      `${vantageName[kind].en}: silent for ${seconds(silentMs)} s (${why})`,
    ),
  vantageFault: (kind: VantageKind, why: string) =>
    reason('vantage-fault', `${vantageName[kind].ko}: ${why}`, `${vantageName[kind].en}: ${why}`),
  oneVantageOnly: () =>
    reason(
      'one-vantage-only',
      '독립된 관측 지점이 하나뿐이어서 상실로 볼 수 없습니다',
      'only one independent vantage point is silent: never enough to suspect a loss',
    ),
  cannotTellFromCutLink: () =>
    reason(
      'cannot-tell-from-cut-link',
      '연결 회선의 단절과 구별할 수 없습니다',
      'from here this looks the same as a cut link between the sites',
    ),
  noVantage: () =>
    reason('no-vantage', '이 센터를 볼 수 있는 관측 지점이 없습니다', 'no vantage point sees this site'),
  answersThoughLost: () =>
    reason(
      'answers-though-lost',
      '상실로 기록되었으나 응답합니다',
      'it is on record as lost, yet something there answers',
    ),
} as const
