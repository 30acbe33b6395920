import type { AuthorityStore } from '#authority/store.ts'
import type { Authority, Fence } from '#authority/types.ts'
import { messageOf } from '#model/errors.ts'
import type { Clock } from '#model/time.ts'
import type { WatchedSystem } from '#monitor/types.ts'
import type { ActiveAt } from '#plan/request.ts'
import type { Log } from '#platform/log.ts'
import type { Catalogue } from './catalogue.ts'

export interface Lock {
  system: string
  runId: string
}

/**
 * What this site's PostgreSQL says about who is where, held in memory: watching goes on with the last known when
 * PostgreSQL is away.
 */
export class World {
  readonly #site: string
  readonly #catalogue: Catalogue
  readonly #authority: AuthorityStore
  readonly #locks: () => Promise<Lock[]>
  #authorities = new Map<string, Authority>()
  #takenOnly = new Map<string, string>()
  #debts: Fence[] = []
  #heldBy = new Map<string, string>()

  constructor(site: string, catalogue: Catalogue, authority: AuthorityStore, locks: () => Promise<Lock[]>) {
    this.#site = site
    this.#catalogue = catalogue
    this.#authority = authority
    this.#locks = locks
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
      this.#locks(),
    ])
    this.#authorities = new Map(authorities.map((authority) => [authority.system, authority]))
    this.#takenOnly = takenOnly
    this.#debts = debts
    this.#heldBy = new Map(locks.map((lock) => [lock.system, lock.runId]))
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
    const databases = this.#catalogue.estate.systems.filter((one) => one.components?.database !== undefined)
    const dataAt = new Map(databases.map(({ id }) => [id, this.#takenOnly.get(id)]))
    return new Map(
      [...this.#authorities].map(([id, { site, epoch }]) => {
        const from = dataAt.get(id)
        return [id, { site, epoch, ...(from === undefined ? {} : { dataAt: from }) }]
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
