import type { Instant } from '#model/time.ts'

/** Who may be primary for a system: the newest of these. `runId` is null for the first one, seeded from the catalogue. */
export interface Authority {
  system: string
  epoch: number
  site: string
  runId: string | null
  at: Instant
}

/** How a former primary was kept from writing. `attested` is people's word: accepted risk, not proof. */
export type FenceKind = 'attested' | 'active' | 'power'

/** A fence on record. It holds for one run and one system, and once acquired for one epoch. */
export interface Fence {
  runId: string
  system: string
  /** The site that is kept from writing. */
  site: string
  kind: FenceKind
  /** The epoch that was acquired over it; null until then. */
  epoch: number | null
  proof: Record<string, unknown>
  /** When it stops counting; null when it does not by itself. */
  expiresAt: Instant | null
  /** `open`: an attested fence that no active or power fence has closed yet. */
  debt: 'none' | 'open' | 'closed'
  recordedAt: Instant
}

/** Said before a promotion, so that a promotion found afterwards can be told from somebody else's. */
export interface PromotionClaim {
  runId: string
  system: string
  epoch: number
  /** Timeline that the standby followed before. */
  timeline: number
  /** Replayed position before. */
  lsn: string
  at: Instant
}

/** A statement of attestation that approval holds as valid: signature, role and person checked, not the requester's. */
export interface AttestationOnRecord {
  id: string
  /** Who signed. */
  principal: string
  /** The site whose loss is attested. */
  site: string
  expiresAt: Instant
}

/** Port onto approval: the statements that count for a run. Wired by the daemon. */
export interface Attestations {
  forRun(runId: string): Promise<AttestationOnRecord[]>
  /** How many people have to attest for a run: what its gates or the policy ask for, whichever is more; 0 of an unknown run. */
  peopleFor(runId: string): Promise<number>
}

/** One place from which a site was looked at. */
export interface VantageReport {
  vantage: string
  answered: boolean
  why: string
}

/** Port onto monitor and peer: looks now, from every vantage point, whether a site answers. Wired by the daemon. */
export interface SourceSilence {
  /**
   * `silent` is true when at least one vantage point could look and none got any answer. Ends at the signal.
   */
  look(
    site: string,
    signal: AbortSignal,
  ): Promise<{ silent: boolean; at: Instant; vantages: VantageReport[] }>
}

export interface AuthorityReader {
  /** The newest authority of a system on record here; undefined when none was ever recorded. */
  current(system: string): Promise<Authority | undefined>
  /** The authority that a run took for a system; undefined when it took none. */
  takenBy(runId: string, system: string): Promise<Authority | undefined>
  fence(runId: string, system: string): Promise<Fence | undefined>
  promotionClaim(runId: string, system: string): Promise<PromotionClaim | undefined>
}

export interface AuthorityWriter {
  /**
   * Records a fence, or renews proof and expiry of the one that was `seen` (its `recordedAt`; null for none).
   * Throws Conflict when what is on record for the run, system and kind is no longer that.
   */
  recordFence(fence: Omit<Fence, 'epoch' | 'debt' | 'recordedAt'>, seen: Instant | null): Promise<Fence>
  /**
   * Takes the next epoch for a run. The same run gets the same epoch again.
   * `seenEpoch` is the highest seen outside (DNS, cluster object): the new one is above both.
   * Throws `authority-without-fence`.
   */
  acquire(request: AcquireRequest): Promise<Authority>
  /** Records the claim; an earlier one of the same run and system stays as it was and is returned. */
  claimPromotion(claim: Omit<PromotionClaim, 'at'>): Promise<PromotionClaim>
}

export interface AcquireRequest {
  runId: string
  system: string
  site: string
  seenEpoch: number
}
