import type { AuthorityStore } from '#authority/store.ts'
import type { Authority, Fence } from '#authority/types.ts'
import { messageOf } from '#model/errors.ts'
import type { Clock } from '#model/time.ts'
import type { WatchedSystem } from '#monitor/types.ts'
import type { ActiveAt } from '#plan/request.ts'
import type { Log } from '#platform/log.ts'
import type { Catalogue } from './catalogue.ts'
import type { Unopened } from './unopened.ts'

export interface Lock {
  system: string
  runId: string
}

/** What the world is told by the runs. */
export interface RunsOfWorld {
  locks(): Promise<Lock[]>
  unopened: Unopened
}

/**
 * What this site's PostgreSQL says about who is where, held in memory: watching goes on with the last known when
 * PostgreSQL is away.
 */
export class World {
  readonly #site: string
  readonly #catalogue: Catalogue
  readonly #authority: AuthorityStore
  readonly #runs: RunsOfWorld
  #authorities = new Map<string, Authority>()
  #takenOnly = new Map<string, string>()
  #debts: Fence[] = []
  #heldBy = new Map<string, string>()

  constructor(site: string, catalogue: Catalogue, authority: AuthorityStore, runs: RunsOfWorld) {
    this.#site = site
    this.#catalogue = catalogue
    this.#authority = authority
    this.#runs = runs
  }

  /** Gives every movable system its first epoch at its home, then reads everything. */
  async open(): Promise<void> {
    const homes = this.#catalogue.estate.systems
      .filter((system) => system.components !== undefined && system.home !== 'each')
      .map((system) => ({ system: system.id, site: system.home }))
    await this.#authority.seed(homes)
    await this.refresh()
  }

  async refresh(): Promise<void> {
    const [authorities, takenOnly, debts, locks] = await Promise.all([
      this.#authority.all(),
      this.#authority.takenOnly(this.#site),
      this.#authority.fenceDebts(),
      this.#runs.locks(),
    ])
    this.#authorities = new Map(authorities.map((authority) => [authority.system, authority]))
    this.#heldBy = new Map(locks.map((lock) => [lock.system, lock.runId]))
    this.#takenOnly = await this.#withoutOpened(takenOnly)
    this.#debts = debts
  }

  /**
   * No promotion tells of a system without a database whether it was opened; the run that took it does. A run that
   * holds it still goes on, and is not read every time.
   */
  async #withoutOpened(taken: ReadonlyMap<string, string>): Promise<Map<string, string>> {
    const left = new Map(taken)
    for (const system of taken.keys()) {
      if (this.#catalogue.systems.get(system)?.components?.database !== undefined) continue
      const runId = this.#authorities.get(system)?.runId
      const goesOn = runId === this.#heldBy.get(system)
      if (runId == null || goesOn || !(await this.#runs.unopened(runId, system))) left.delete(system)
    }
    return left
  }

  /** Refreshes until the signal aborts. */
  async keepFresh(clock: Clock, log: Log, everyMs: number, signal: AbortSignal): Promise<void> {
    let complained = false
    while (!signal.aborted) {
      await clock.sleep(everyMs, signal).catch(() => undefined)
      if (signal.aborted) return
      await this.refresh().then(
        () => (complained = false),
        (error: unknown) => {
          if (!complained)
            log.warn({ why: messageOf(error) }, 'authorities could not be read; the last known are used')
          complained = true
        },
      )
    }
  }

  authority(system: string): Authority | undefined {
    return this.#authorities.get(system)
  }

  /** The newest authorities, as a plan takes them. */
  activeAt(): Map<string, ActiveAt> {
    return new Map(
      [...this.#authorities].map(([id, { site, epoch }]) => {
        const leaves = this.#takenOnly.get(id)
        return [id, { site, epoch, ...(leaves === undefined ? {} : { leaves }) }]
      }),
    )
  }

  authorities(): Authority[] {
    return [...this.#authorities.values()]
  }

  heldBy(system: string): string | null {
    return this.#heldBy.get(system) ?? null
  }

  /** Where a system is primary; null when nobody here knows. */
  activeSite(system: string): string | null {
    return this.#authorities.get(system)?.site ?? null
  }

  /** Attested fences that no real fence has closed yet; one a system, the oldest. */
  fenceDebts(): Fence[] {
    return [...new Map(this.#debts.toReversed().map((fence) => [fence.system, fence])).values()]
  }

  /** Sites that an attested fence on record says are lost, until the debt is closed. */
  lost(): Record<string, { by: 'attestation' | 'fence' }> {
    return Object.fromEntries(this.#debts.map((fence) => [fence.site, { by: 'attestation' as const }]))
  }

  watched(): WatchedSystem[] {
    return this.#catalogue.estate.systems.map((system) => ({
      id: system.id,
      activeSite: this.activeSite(system.id),
      hard: system.dependsOn.hard,
      registeredOnly: system.components === undefined,
    }))
  }
}
