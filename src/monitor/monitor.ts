import { messageOf } from '#model/errors.ts'
import type { Clock } from '#model/time.ts'
import { evaluate } from './evaluate.ts'
import type { PrometheusLook } from './prometheus-source.ts'
import type { StandbyLook } from './replication.ts'
import { lookForAnswer, type SilenceLook } from './silence.ts'
import {
  defaultLimits,
  type Evaluation,
  type Limits,
  type Observations,
  type WatchedSystem,
} from './types.ts'
import { VantageMemory, type Vantage } from './vantage.ts'

/** What the monitor needs of others; the daemon wires it. None of these may throw. */
export interface MonitorPorts {
  clock: Clock
  site: string
  sites: readonly string[]
  /** Registered systems with where they are active now. */
  systems(): readonly WatchedSystem[]
  lost(): Observations['lost']
  prometheus(signal: AbortSignal): Promise<PrometheusLook>
  /** Standbys at this site, by system. */
  standbys(signal: AbortSignal): Promise<ReadonlyMap<string, StandbyLook>>
  vantages: readonly Vantage[]
  log: {
    info(fields: object, message: string): void
    warn(fields: object, message: string): void
  }
}

export interface MonitorPace {
  prometheusMs: number
  standbysMs: number
}

export interface Change {
  subject: string
  from: string | undefined
  to: string
  at: number
}

/** Watches, evaluates, remembers since when. Holds no time series: only what is now. */
export class Monitor {
  readonly #ports: MonitorPorts
  readonly #limits: Limits
  readonly #memory = new VantageMemory()
  readonly #ending = new AbortController()
  readonly #since = new Map<string, number>()
  readonly #states = new Map<string, string>()
  readonly #listeners = new Set<(evaluation: Evaluation, changes: readonly Change[]) => void>()
  #loops: Promise<void>[] = []
  #look: PrometheusLook
  #standbys: ReadonlyMap<string, StandbyLook> = new Map()
  #evaluation: Evaluation = { at: 0, systems: [], sites: [] }
  /** `SYSTEM site` → Unix seconds of the newest heartbeat ever seen there. */
  readonly #heartbeats = new Map<string, number>()

  constructor(ports: MonitorPorts, limits: Limits = defaultLimits) {
    this.#ports = ports
    this.#limits = limits
    const why = 'it was not looked at yet'
    this.#look = { prometheus: { answered: false, why }, measures: {}, targets: {}, at: ports.clock.now() }
  }

  start(pace: MonitorPace = { prometheusMs: 500, standbysMs: 2_000 }): void {
    this.#loops = [
      this.#every(pace.prometheusMs, async (signal) => {
        this.#look = await this.#ports.prometheus(signal)
        this.#noteHeartbeats()
        this.#evaluate()
      }),
      this.#every(pace.standbysMs, async (signal) => {
        this.#standbys = await this.#ports.standbys(signal)
      }),
      ...this.#ports.vantages.map((vantage) =>
        this.#every(vantage.everyMs, async (signal) => {
          this.#memory.note(vantage, await vantage.look(signal), this.#ports.clock.now())
        }),
      ),
    ]
  }

  async stop(): Promise<void> {
    this.#ending.abort()
    await Promise.all(this.#loops)
  }

  current(): Evaluation {
    return this.#evaluation
  }

  /** Since when a subject (`system GPK`, `site daejeon`) is in its state, milliseconds; undefined before the first look. */
  since(subject: string): number | undefined {
    return this.#since.get(subject)
  }

  sinceAll(): ReadonlyMap<string, number> {
    return this.#since
  }

  /** The last looks at the standbys here. */
  replication(): ReadonlyMap<string, StandbyLook> {
    return this.#standbys
  }

  /** Unix seconds, on the source's clock, of the newest heartbeat of a system that was seen at a site. */
  lastHeartbeat(system: string, site: string): number | undefined {
    return this.#heartbeats.get(`${system} ${site}`)
  }

  onEvaluation(listener: (evaluation: Evaluation, changes: readonly Change[]) => void): void {
    this.#listeners.add(listener)
  }

  /** Looks at a site now, from every vantage point. Fills authority's port. */
  lookForAnswer(site: string, signal: AbortSignal): Promise<SilenceLook> {
    return lookForAnswer(site, this.#ports.vantages, this.#ports.clock, signal)
  }

  #evaluate(): void {
    const { clock, site, sites } = this.#ports
    const at = clock.now()
    const seen = [...this.#standbys].flatMap(([system, look]) =>
      look.kind === 'seen' ? [[system, look.sight] as const] : [],
    )
    this.#evaluation = evaluate(
      {
        from: site,
        at,
        sites,
        prometheus: this.#look.prometheus,
        systems: this.#ports.systems(),
        measures: this.#look.measures,
        replication: Object.fromEntries(seen),
        sights: this.#memory.sights(at),
        lost: this.#ports.lost(),
      },
      this.#limits,
    )
    const changes = this.#noteChanges(this.#evaluation)
    for (const listener of this.#listeners) listener(this.#evaluation, changes)
  }

  #noteHeartbeats(): void {
    for (const [system, sites] of Object.entries(this.#look.measures)) {
      for (const [site, { heartbeat }] of Object.entries(sites)) {
        const key = `${system} ${site}`
        if (heartbeat === undefined || !(heartbeat.value > (this.#heartbeats.get(key) ?? 0))) continue
        this.#heartbeats.set(key, heartbeat.value)
      }
    }
  }

  #noteChanges(evaluation: Evaluation): Change[] {
    const states = [
      ...evaluation.systems.map((system) => [`system ${system.system}`, system.health] as const),
      ...evaluation.sites.map((site) => [`site ${site.site}`, site.state] as const),
    ]
    const changes: Change[] = []
    for (const [subject, to] of states) {
      const from = this.#states.get(subject)
      if (from === to) continue
      this.#states.set(subject, to)
      this.#since.set(subject, evaluation.at)
      changes.push({ subject, from, to, at: evaluation.at })
    }
    return changes
  }

  /** A look that fails by a defect is logged and made again: watching never ends before the daemon does. */
  async #every(ms: number, work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const { clock, log } = this.#ports
    const { signal } = this.#ending
    while (!signal.aborted) {
      const began = clock.now()
      await work(signal).catch((error: unknown) => {
        if (!signal.aborted) log.warn({ why: messageOf(error) }, 'a look failed')
      })
      const pause = Math.max(10, ms - (clock.now() - began))
      await clock.sleep(pause, signal).catch(() => undefined)
    }
  }
}
