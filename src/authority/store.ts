import type { ClientBase, Pool } from 'pg'
import { HaetaeError } from '#model/errors.ts'
import { instant, type Clock } from '#model/time.ts'
import { Conflict } from '#platform/no-answer.ts'
import { transaction, type Queryable } from '#platform/postgres/transaction.ts'
import { authorityOf, claimOf, fenceOf, type ClaimRow, type EpochRow, type FenceRow } from './rows.ts'
import type { AcquireRequest, Authority, AuthorityReader, AuthorityWriter, Fence } from './types.ts'

export interface AuthorityStore extends AuthorityReader, AuthorityWriter {
  /** The newest authority of every system on record, by system. */
  all(): Promise<Authority[]>
  /** The authority that stood before an epoch; undefined when none did. */
  before(system: string, epoch: number): Promise<Authority | undefined>
  /** Systems that runs took to this site, and of which none was promoted since: by system, the site that they left. */
  takenOnly(site: string): Promise<Map<string, string>>
  /** The epoch that a run took, as long as it is the newest; undefined when the run holds none now. */
  epochOf(runId: string, system: string): Promise<number | undefined>
  /** Gives each system that has no authority yet epoch 1 at its home. What is there already is left alone. */
  seed(homes: readonly { system: string; site: string }[]): Promise<void>
  /** Takes over an authority that a peer knows; true when it was newer than ours. */
  learn(authority: Omit<Authority, 'at'> & { at?: string }): Promise<boolean>
  /** Attested fences that no active or power fence has closed yet, oldest first. */
  fenceDebts(): Promise<Fence[]>
  /** Closes the debt of a run's attested fence; `by` says what proved it. False when there was none open. */
  closeDebt(runId: string, system: string, by: Record<string, unknown>): Promise<boolean>
}

/** The authorities of one site's Haetae, in its PostgreSQL. Throws what PostgreSQL said. */
export function authorityStore(pool: Pool, clock: Clock): AuthorityStore {
  const now = () => instant(clock.now())
  return {
    current: (system) => newest(pool, system),
    takenBy: (runId, system) => takenBy(pool, runId, system),
    before: (system, epoch) => before(pool, system, epoch),
    async epochOf(runId, system) {
      const held = await newest(pool, system)
      return held?.runId === runId ? held.epoch : undefined
    },
    all: () => newestOfAll(pool),
    takenOnly: (site) => takenOnly(pool, site),
    seed: (homes) => seed(pool, homes, now()),
    learn: (authority) => learn(pool, authority, now()),
    fence: (runId, system) => strongestFence(pool, runId, system),
    recordFence: (fence, seen) => recordFence(pool, fence, seen, now()),
    fenceDebts: () => fenceDebts(pool),
    closeDebt: (runId, system, by) => closeDebt(pool, runId, system, by, now()),
    acquire: (request) => transaction(pool, (client) => acquire(client, request, now())),
    promotionClaim: (runId, system) => claimed(pool, runId, system),
    async claimPromotion(claim) {
      await pool.query(
        `INSERT INTO promotion_claim (run_id, system, epoch, timeline, lsn, at) VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT DO NOTHING`,
        [claim.runId, claim.system, claim.epoch, claim.timeline, claim.lsn, now()],
      )
      return (await claimed(pool, claim.runId, claim.system)) ?? { ...claim, at: now() }
    },
  }
}

async function newest(db: Queryable, system: string): Promise<Authority | undefined> {
  const text = 'SELECT * FROM authority_epoch WHERE system = $1 ORDER BY epoch DESC LIMIT 1'
  const { rows } = await db.query<EpochRow>(text, [system])
  return rows[0] === undefined ? undefined : authorityOf(rows[0])
}

async function before(db: Queryable, system: string, epoch: number): Promise<Authority | undefined> {
  const text = 'SELECT * FROM authority_epoch WHERE system = $1 AND epoch < $2 ORDER BY epoch DESC LIMIT 1'
  const { rows } = await db.query<EpochRow>(text, [system, epoch])
  return rows[0] === undefined ? undefined : authorityOf(rows[0])
}

async function newestOfAll(db: Queryable): Promise<Authority[]> {
  const { rows } = await db.query<EpochRow>(
    'SELECT DISTINCT ON (system) * FROM authority_epoch ORDER BY system, epoch DESC',
  )
  return rows.map(authorityOf)
}

/** Who claims a promotion may have promoted; whoever never claimed has not. */
async function takenOnly(db: Queryable, site: string): Promise<Map<string, string>> {
  const { rows } = await db.query<{ system: string; site: string }>(
    `SELECT taken.system, source.site
     FROM (SELECT DISTINCT ON (system) * FROM authority_epoch ORDER BY system, epoch DESC) taken
     CROSS JOIN LATERAL (
       SELECT site, epoch FROM authority_epoch
       WHERE system = taken.system AND site <> taken.site ORDER BY epoch DESC LIMIT 1
     ) source
     WHERE taken.site = $1 AND NOT EXISTS (
       SELECT FROM promotion_claim WHERE system = taken.system AND epoch > source.epoch
     )`,
    [site],
  )
  return new Map(rows.map(({ system, site }) => [system, site]))
}

async function takenBy(db: Queryable, runId: string, system: string): Promise<Authority | undefined> {
  const text = 'SELECT * FROM authority_epoch WHERE system = $1 AND run_id = $2'
  const { rows } = await db.query<EpochRow>(text, [system, runId])
  return rows[0] === undefined ? undefined : authorityOf(rows[0])
}

const insertEpoch =
  'INSERT INTO authority_epoch (system, epoch, site, run_id, at) VALUES ($1, $2, $3, $4, $5)'

async function seed(
  pool: Pool,
  homes: readonly { system: string; site: string }[],
  at: string,
): Promise<void> {
  await transaction(pool, async (client) => {
    // In one order, so that two daemons that start at once cannot wait for each other.
    for (const home of [...homes].sort((a, b) => (a.system < b.system ? -1 : 1))) {
      await lockSystem(client, home.system)
      if ((await newest(client, home.system)) === undefined) {
        await client.query(insertEpoch, [home.system, 1, home.site, null, at])
      }
    }
  })
}

async function learn(
  pool: Pool,
  authority: Omit<Authority, 'at'> & { at?: string },
  now: string,
): Promise<boolean> {
  return transaction(pool, async (client) => {
    await lockSystem(client, authority.system)
    const ours = await newest(client, authority.system)
    if (ours !== undefined && ours.epoch >= authority.epoch) return false
    const { system, epoch, site, runId, at = now } = authority
    await client.query(insertEpoch, [system, epoch, site, runId, at])
    return true
  })
}

/** Held to the end of the transaction: two runs never take an epoch of one system at the same time. */
async function lockSystem(client: Queryable, system: string): Promise<void> {
  await client.query("SELECT pg_advisory_xact_lock(hashtextextended('authority:' || $1::text, 0))", [system])
}

async function acquire(client: ClientBase, request: AcquireRequest, now: string): Promise<Authority> {
  const { runId, system, site, seenEpoch } = request
  await lockSystem(client, system)
  const before = await takenBy(client, runId, system)
  if (before !== undefined) return before
  const fence = await strongestFence(client, runId, system)
  if (fence === undefined || (fence.expiresAt !== null && fence.expiresAt <= now)) {
    throw new HaetaeError('authority-without-fence', `epoch of ${system} for run ${runId}`, {
      why:
        fence === undefined
          ? 'no fence is on record for this run and system'
          : `the ${fence.kind} fence ran out at ${fence.expiresAt}`,
      facts: { system, runId },
    })
  }
  const known = await newest(client, system)
  const epoch = Math.max(known?.epoch ?? 0, seenEpoch) + 1
  await client.query(insertEpoch, [system, epoch, site, runId, now])
  await client.query('UPDATE fence SET epoch = $3 WHERE run_id = $1 AND system = $2', [runId, system, epoch])
  return { system, epoch, site, runId, at: now }
}

async function strongestFence(db: Queryable, runId: string, system: string): Promise<Fence | undefined> {
  const { rows } = await db.query<FenceRow>(
    `SELECT * FROM fence WHERE run_id = $1 AND system = $2 ORDER BY (kind = 'attested'), recorded_at DESC LIMIT 1`,
    [runId, system],
  )
  return rows[0] === undefined ? undefined : fenceOf(rows[0])
}

async function recordFence(
  db: Queryable,
  fence: Omit<Fence, 'epoch' | 'debt' | 'recordedAt'>,
  seen: string | null,
  at: string,
): Promise<Fence> {
  const { runId, system, kind, site, expiresAt } = fence
  const values = [runId, system, kind, site, JSON.stringify(fence.proof), expiresAt, at]
  const { rows } =
    seen === null
      ? await db.query<FenceRow>(insertFence, [...values, kind === 'attested' ? 'open' : 'none'])
      : await db.query<FenceRow>(renewFence, [...values, seen])
  if (rows[0] !== undefined) return fenceOf(rows[0])
  throw new Conflict(`fence of ${system} in run ${runId}`, 'another was recorded since it was looked at')
}

const insertFence = `
INSERT INTO fence (run_id, system, kind, site, proof, expires_at, recorded_at, debt, epoch)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, (SELECT epoch FROM authority_epoch WHERE run_id = $1 AND system = $2))
ON CONFLICT DO NOTHING RETURNING *`

const renewFence = `
UPDATE fence SET site = $4, proof = $5, expires_at = $6, recorded_at = $7
WHERE run_id = $1 AND system = $2 AND kind = $3 AND recorded_at = $8 RETURNING *`

async function fenceDebts(db: Queryable): Promise<Fence[]> {
  const { rows } = await db.query<FenceRow>(
    "SELECT * FROM fence WHERE debt = 'open' ORDER BY recorded_at, run_id, system",
  )
  return rows.map(fenceOf)
}

async function closeDebt(
  db: Queryable,
  runId: string,
  system: string,
  by: Record<string, unknown>,
  at: string,
): Promise<boolean> {
  const { rowCount } = await db.query(
    `UPDATE fence SET debt = 'closed', closed_at = $4, closed_by = $3
     WHERE run_id = $1 AND system = $2 AND kind = 'attested' AND debt = 'open'`,
    [runId, system, JSON.stringify(by), at],
  )
  return rowCount === 1
}

async function claimed(db: Queryable, runId: string, system: string) {
  const text = 'SELECT * FROM promotion_claim WHERE run_id = $1 AND system = $2'
  const { rows } = await db.query<ClaimRow>(text, [runId, system])
  return rows[0] === undefined ? undefined : claimOf(rows[0])
}
