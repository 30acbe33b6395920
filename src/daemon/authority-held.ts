import type { AuthorityStore } from '#authority/store.ts'
import type { AuthorityHeld } from '#engine/ports.ts'

/**
 * Under which epoch a run acts: one that moves a system under the epoch that it took itself; an operation, which
 * takes none, under the one by which its site is primary as long as that is the newest.
 */
export function authorityHeld(store: Pick<AuthorityStore, 'epochOf' | 'current'>): AuthorityHeld {
  return {
    async epochOf(runId, system, { subject }) {
      if (subject.mode === 'failover') return store.epochOf(runId, system)
      const newest = await store.current(system)
      return newest?.site === subject.toSite ? newest.epoch : undefined
    },
  }
}
