import type { Localized } from '#model/localized.ts'
import type { Health, SiteState } from '#model/states.ts'

/** What the catalogue and authority say of a system; everything else is observed. */
export interface WatchedSystem {
  id: string
  /** Where it is primary, as far as this site knows; null when nobody knows. */
  activeSite: string | null
  hard: readonly string[]
  /** Registered only: nothing of it runs here, so nothing can be measured. */
  registeredOnly: boolean
}

/** A number and how long ago its scrape was, milliseconds. */
export interface Measure {
  value: number
  ageMs: number
}

/** What Prometheus has of one system's web service at one site. Absent: the series does not exist now. */
export interface SystemMeasures {
  /** The scrape itself: 1 answered, 0 did not. */
  scrape?: Measure
  ready?: Measure
  database?: Measure
  /** Unix seconds of the newest heartbeat row. */
  heartbeat?: Measure
  /** Answers of hard dependencies, by their id: 1 answered, 0 did not. */
  dependencies: Readonly<Record<string, Measure>>
}

/** Kinds of vantage points. Two of different kinds are independent: no program or path is common to both. */
export type VantageKind = 'peer' | 'prometheus' | 'api-server' | 'replication'

/** What one vantage point last saw of a site. */
export interface VantageSight {
  site: string
  kind: VantageKind
  /** `unavailable`: the vantage point itself is lost, so it says nothing about the site. */
  saw: 'answer' | 'silence' | 'unavailable'
  /** Milliseconds since the site last answered there (or since the first look). */
  silentMs: number
  /** Something is wrong although the site answered, e.g. its daemon refuses connections. */
  fault: boolean
  why: string
  /** When it looked, milliseconds since the epoch. */
  at: number
}

/** Replication into this site's standby of a system. */
export interface ReplicationSight {
  streaming: boolean
  lagMs: number | null
  /** Milliseconds since the primary last sent anything; null when it never did. */
  silentMs: number | null
}

/** Everything that evaluation looks at: plain data, so that a scenario can be a file. */
export interface Observations {
  /** The site that looks. */
  from: string
  /** Milliseconds since the epoch. */
  at: number
  prometheus: { answered: boolean; why: string }
  systems: readonly WatchedSystem[]
  /** system → site → measures. */
  measures: Readonly<Record<string, Readonly<Record<string, SystemMeasures>>>>
  /** By system, for the standbys at this site. Absent: not looked at. */
  replication: Readonly<Record<string, ReplicationSight>>
  sights: readonly VantageSight[]
  /** Sites on record as lost, and how it was established. */
  lost: Readonly<Record<string, { by: 'fence' | 'attestation' }>>
  sites: readonly string[]
}

/** Codes are stable: tests, the console and alert rules know them. */
export type ReasonCode =
  | 'active-site-unknown'
  | 'registered-only'
  | 'site-lost'
  | 'site-suspected-lost'
  | 'prometheus-silent'
  | 'measure-missing'
  | 'measure-stale'
  | 'scrape-failed'
  | 'dependency-silent'
  | 'database-silent'
  | 'not-ready'
  | 'heartbeat-stale'
  | 'replication-broken'
  | 'vantage-silent'
  | 'vantage-fault'
  | 'one-vantage-only'
  | 'cannot-tell-from-cut-link'
  | 'no-vantage'
  | 'answers-though-lost'

export interface Reason {
  code: ReasonCode
  text: Localized
  /** What it is about: a system or a site. */
  about?: string
}

export interface SystemHealth {
  system: string
  site: string | null
  health: Health
  reasons: Reason[]
  /** Systems upstream that explain it: one cause makes one incident. */
  causes: string[]
  /** Age of the measure that decided, milliseconds; null when there was none. */
  ageMs: number | null
  /** From where it was seen. */
  vantage: string
}

export interface SiteSight {
  site: string
  self: boolean
  state: SiteState
  reasons: Reason[]
  sights: VantageSight[]
}

export interface Evaluation {
  at: number
  systems: SystemHealth[]
  sites: SiteSight[]
}

/** Limits in milliseconds. */
export interface Limits {
  /** A measure older than this is stale. */
  staleMs: number
  /** A vantage point that got no answer for this long is silent; shorter is a hiccup. */
  silentMs: number
  heartbeatMs: number
}

export const defaultLimits: Limits = { staleMs: 5_000, silentMs: 3_000, heartbeatMs: 15_000 }
