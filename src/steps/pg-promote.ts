import { proveFence } from '#authority/fence.ts'
import type { PromotionClaim } from '#authority/types.ts'
import { HaetaeError } from '#model/errors.ts'
import type { Query } from '#platform/database/types.ts'
import { PreconditionRefused } from '#runbook/step-type.ts'
import { inRunbookWords } from './answering.ts'
import { refuseElsewhere, refuseWithoutEpoch } from './here.ts'
import { promoteInput, type PromoteInput } from './inputs.ts'
import { promoteOutput, type PromoteOutput } from './outputs.ts'
import { addressOf, isBefore, lookAt, lookOn, type ServerState } from './pg-look.ts'
import type { Act, Step } from './targets.ts'

export interface PromoteState extends ServerState {
  runId: string | null
  /** What this run said it was about to do; null when it has not begun. */
  claim: PromotionClaim | null
}

/**
 * Makes a standby the primary, under an epoch. Between the promotion and the row that carries the epoch the daemon
 * may die; the claim, recorded before, tells such a half-done promotion of ours from one by somebody else.
 */
export const pgPromote: Step<PromoteInput, PromoteState, PromoteOutput> = {
  type: 'pg.promote',
  version: 1,
  effect: 'point-of-no-return',
  needsAuthority: true,
  precondition: {
    kind: 'checked',
    by: 'SQL epoch: the server promotes only while no equal or higher epoch is in haetae_authority, and takes each once',
  },
  inverse: {
    kind: 'none',
    why: 'a promoted database does not become a standby again; it is rebuilt from the new primary',
  },
  requires: [],
  input: promoteInput,
  output: promoteOutput,

  async observe(ctx, input) {
    const server = await lookAt(ctx, addressOf(input))
    const claim =
      ctx.runId === undefined
        ? undefined
        : await ctx.readers.authority.promotionClaim(ctx.runId, input.system)
    return { ...server, runId: ctx.runId ?? null, claim: claim ?? null }
  },

  judge(input, state) {
    const written = state.written?.epoch ?? 0
    if (state.inRecovery) return written < input.epoch ? 'absent' : 'unclear'
    if (written === input.epoch) return state.written?.runId === state.runId ? 'holds' : 'unclear'
    return isHalfDone(input, state) ? 'absent' : 'unclear'
  },

  async plan(_ctx, input, state) {
    const after = { role: 'primary', timeline: state.timeline + 1, epoch: input.epoch }
    const before = {
      role: state.inRecovery ? 'standby' : 'primary',
      timeline: state.timeline,
      epoch: state.written?.epoch ?? null,
    }
    const why = {
      ko: '그때까지 받은 WAL까지 재생됨',
      en: 'after all that it has received by then is replayed',
    }
    return [{ certainty: 'predicted', target: targetOf(input), before, after, why }]
  },

  async apply(ctx, input, state) {
    refuseElsewhere(ctx.readers, input.site, `pg.promote of ${input.system}`)
    refuseWithoutEpoch(ctx.epoch, input.epoch, `pg.promote of ${input.system}`)
    refuseBehind(input, state)
    const claim = await claimBefore(ctx, input, state)
    await fenceStands(ctx, input)
    return ctx.writers.database.write(addressOf(input), ctx.signal, async (query) => {
      if (await promoteOn(query, input, claim)) ctx.progress('the standby was told to become primary')
      await untilWritable(query, ctx)
      await writeEpoch(query, input, ctx.runId)
      return outputOf(await lookOn(query), claim)
    })
  },

  adopt: (_input, state) => outputOf(state, state.claim),
  invert: () => 'none',
}

/** Primary by our own promotion whose epoch was not written yet: the claim is ours and the timeline has moved on. */
function isHalfDone(input: PromoteInput, state: PromoteState): boolean {
  const { claim } = state
  return (
    !state.inRecovery &&
    claim !== null &&
    claim.epoch === input.epoch &&
    state.timeline > claim.timeline &&
    (state.written?.epoch ?? 0) < input.epoch
  )
}

/** Refuses a server that has not even received what the run saw before: it is another one, or it was set back. */
function refuseBehind(input: PromoteInput, state: PromoteState): void {
  const { recoveryPoint } = input
  if (!state.inRecovery || recoveryPoint === null) return
  if (state.receivedLsn !== null && !isBefore(state.receivedLsn, recoveryPoint)) return
  throw new HaetaeError('standby-behind', targetOf(input), {
    why: `it has received ${state.receivedLsn ?? 'nothing'}; the recovery point of this run is ${recoveryPoint}`,
    facts: { received: state.receivedLsn, recoveryPoint },
  })
}

async function claimBefore(ctx: Act, input: PromoteInput, state: PromoteState): Promise<PromotionClaim> {
  if (state.claim !== null && state.claim.epoch === input.epoch) return state.claim
  if (!state.inRecovery)
    throw new PreconditionRefused(targetOf(input), 'it is a primary already, and not by this run')
  return ctx.writers.authority.claimPromotion({
    runId: ctx.runId,
    system: input.system,
    epoch: input.epoch,
    timeline: state.timeline,
    lsn: state.replayedLsn ?? '0/0',
  })
}

/** Seconds before the promotion, not minutes: whatever was true when the run began may have changed. */
async function fenceStands(ctx: Act, input: PromoteInput): Promise<void> {
  const { authority, silence } = ctx.readers
  const held = { runId: ctx.runId, system: input.system, epoch: input.epoch }
  await inRunbookWords(proveFence({ authority, silence, clock: ctx.clock, signal: ctx.signal }, held))
}

/** One statement, so that the epoch is compared where and when the promotion is triggered. True when it was. */
async function promoteOn(query: Query, input: PromoteInput, claim: PromotionClaim): Promise<boolean> {
  const rows = await query(
    `SELECT CASE
       WHEN NOT pg_is_in_recovery() THEN 'primary'
       WHEN EXISTS (SELECT FROM haetae_authority WHERE epoch >= $1) THEN 'newer'
       WHEN pg_promote(false) THEN 'promoted'
       ELSE 'failed' END AS result`,
    [input.epoch],
  )
  const result = rows[0]?.['result']
  if (result === 'promoted') return true
  if (result === 'newer')
    throw new PreconditionRefused(targetOf(input), `epoch ${input.epoch} is not above its own`)
  if (result === 'failed') throw new Error(`${targetOf(input)} could not be told to promote`)
  if ((await lookOn(query)).timeline > claim.timeline) return false
  throw new PreconditionRefused(targetOf(input), 'it is a primary on the timeline that it had before')
}

/** Everything received is replayed before the server opens; how long that takes is the server's matter, and the deadline's. */
async function untilWritable(query: Query, ctx: Act): Promise<void> {
  for (;;) {
    const rows = await query('SELECT pg_is_in_recovery() AS standby')
    if (rows[0]?.['standby'] === false) return
    await ctx.clock.sleep(50, ctx.signal)
  }
}

/**
 * The epoch in the database itself: a lower or equal one is refused, whoever brings it. Committed on this server
 * alone: the new primary has no standby yet, and a synchronous commit would wait for one for ever.
 */
async function writeEpoch(query: Query, input: PromoteInput, runId: string): Promise<void> {
  await query('BEGIN')
  try {
    await query('SET LOCAL synchronous_commit = local')
    await query("SELECT pg_advisory_xact_lock(hashtext('haetae_authority'))")
    const inserted = await query(
      `INSERT INTO haetae_authority (epoch, site, run_id, at)
       SELECT $1::int, $2, $3, now() WHERE NOT EXISTS (SELECT FROM haetae_authority WHERE epoch >= $1::int)
       RETURNING epoch`,
      [input.epoch, input.site, runId],
    )
    if (inserted.length === 0) await refuseUnlessOurs(query, input, runId)
    await query('COMMIT')
  } catch (error) {
    await query('ROLLBACK').catch(() => undefined)
    throw error
  }
}

async function refuseUnlessOurs(query: Query, input: PromoteInput, runId: string): Promise<void> {
  const { written } = await lookOn(query)
  if (written?.epoch === input.epoch && written.runId === runId) return
  throw new PreconditionRefused(
    targetOf(input),
    `it holds epoch ${written?.epoch ?? 'none'} of ${written?.runId ?? '?'}`,
  )
}

/** After a restart the server no longer knows where its recovery ended; the claim does. */
function outputOf(state: ServerState, claim: PromotionClaim | null): PromoteOutput {
  return {
    timeline: state.timeline,
    promotedLsn: state.replayedLsn ?? claim?.lsn ?? null,
    lastHeartbeatAt: state.lastHeartbeatAt,
  }
}

function targetOf(input: PromoteInput): string {
  return `PostgreSQL of ${input.system} at ${input.host}:${input.port}`
}
