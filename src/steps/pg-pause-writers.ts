import { HaetaeError } from '#model/errors.ts'
import type { Query } from '#platform/database/types.ts'
import { PartlyDone } from '#runbook/step-type.ts'
import { refuseElsewhere } from './here.ts'
import { pauseInput, type PauseInput } from './inputs.ts'
import { pauseOutput, type PauseOutput } from './outputs.ts'
import { addressOf } from './pg-look.ts'
import { changePause, lookAtPause, nameOf, type Pause, type PauseState } from './pg-pause.ts'
import type { Act, Step } from './targets.ts'

/**
 * Stops the writers of a system's primary for a time that the database itself ends: nobody has to come back for them.
 * New transactions are refused from the moment of the pause; older ones may finish within the grace, then they are ended.
 */
export const pgPauseWriters: Step<PauseInput, PauseState, PauseOutput> = {
  type: 'pg.pauseWriters',
  version: 2,
  effect: 'idempotent',
  needsAuthority: false,
  precondition: {
    kind: 'checked',
    by: "the version of the database's row haetae.pause, which every pause and resumption raises",
  },
  inverse: { kind: 'step', type: 'pg.resumeWriters' },
  requires: ['source'],
  input: pauseInput,
  output: pauseOutput,

  observe: (ctx, input) => lookAtPause(ctx, addressOf(input)),

  judge(_input, state) {
    if (state.inRecovery) return 'unclear'
    if (!state.active) return 'absent'
    if (state.key !== state.asking) return 'unclear'
    return state.lsn === null ? 'absent' : 'holds'
  },

  async plan(_ctx, input, state) {
    const target = `writers of ${input.system} on ${nameOf(addressOf(input))}`
    if (state.inRecovery)
      return [
        {
          certainty: 'opaque',
          target,
          why: { en: 'it is a standby, not the primary', ko: '주 데이터베이스가 아니라 대기 데이터베이스임' },
        },
      ]
    const after = { paused: true, forSeconds: input.ttlSeconds, graceSeconds: input.graceSeconds }
    return [{ certainty: 'exact', target, before: { paused: state.active }, after }]
  },

  async apply(ctx, input, state) {
    refuseElsewhere(ctx.readers, input.site, `pg.pauseWriters of ${input.system}`)
    const address = addressOf(input)
    return ctx.writers.database.write(address, ctx.signal, async (query) => {
      // A standby that is away must not hold up the pause.
      await query('SET synchronous_commit = local')
      const values = [ctx.key, input.ttlSeconds, state.version]
      const pause = await changePause(query, address, 'haetae.pause_writers($1, $2, $3)', values)
      if (pause.lsn !== null) return outputOf(pause)
      ctx.progress(`new transactions are refused until ${pause.until}`)
      try {
        await untilDrained(ctx, query, input)
        return outputOf(await changePause(query, address, 'haetae.mark_drained($1)', [ctx.key]))
      } catch (error) {
        throw error instanceof HaetaeError ? new PartlyDone(error) : error
      }
    })
  },

  adopt: (_input, state) => outputOf(state),

  invert({ site, system, host, port, database }, { asking }) {
    if (asking === null) return 'none'
    const left = { key: asking }
    return { type: 'pg.resumeWriters', with: { site, system, host, port, database, left } }
  },
}

const everyMs = 50

/* A transaction that began before the pause was committed may not see it. */
const older = `
SELECT count(*)::int AS open FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start < $1
  AND backend_type <> 'autovacuum worker'`

async function untilDrained(ctx: Act, query: Query, input: PauseInput): Promise<void> {
  const [prepared] = await query(
    'SELECT gid FROM pg_prepared_xacts WHERE database = current_database() LIMIT 1',
  )
  if (prepared !== undefined)
    throw new HaetaeError('writers-remain', nameOf(addressOf(input)), {
      why: `the prepared transaction ${String(prepared['gid'])} may still be committed`,
    })
  const [{ moment } = {}] = await query('SELECT clock_timestamp()::text AS moment')
  for (let waitedMs = 0; ; waitedMs += everyMs) {
    const [{ open } = {}] = await query(older, [moment])
    if (open === 0) return
    if (waitedMs >= input.graceSeconds * 1000) {
      const [{ ended } = {}] = await query('SELECT haetae.end_transactions($1) AS ended', [moment])
      ctx.progress(`${String(ended)} older transactions were ended`)
    }
    await ctx.clock.sleep(everyMs, ctx.signal)
  }
}

function outputOf({ since, until, lsn }: Pause): PauseOutput {
  if (since === null || until === null || lsn === null) throw new Error('no pause is there to adopt')
  return { since, until, lsn }
}
