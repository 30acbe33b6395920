import type { Query, Row } from '#platform/database/types.ts'
import { refuseElsewhere } from './here.ts'
import { sqlInput, type SqlInput } from './inputs.ts'
import { sqlOutput, type SqlOutput } from './outputs.ts'
import { ownEpoch, refuseOtherEpoch } from './pg-epoch.ts'
import { addressOf } from './pg-look.ts'
import { nameOf, prepared } from './pg-pause.ts'
import type { Read, Step } from './targets.ts'

export interface SqlState {
  /** What the statement gave when this node ran it; null when it did not. */
  claim: { rows: Row[] } | null
  /** What the step's own look says; null when it declares none. */
  observed: boolean | null
}

const insufficientPrivilege = '42501'
/** A step hands on a few facts, not a table. */
const maxRows = 100

/**
 * Runs one statement of a reviewed runbook, in one transaction with a row that claims it for this node: what was
 * committed is not run again. Parameters are bound, never text.
 */
export const pgSql: Step<SqlInput, SqlState, SqlOutput> = {
  type: 'pg.sql',
  version: 2,
  effect: 'keyed',
  needsAuthority: true,
  precondition: {
    kind: 'checked',
    by: 'the epoch in haetae_authority and a row in haetae.claims, by run and node, in the same transaction',
  },
  inverse: {
    kind: 'none',
    why: 'what a statement did is taken back by another statement, which people review too',
  },
  requires: [],
  literals: ['statement', 'observe.statement'],
  input: sqlInput,
  output: sqlOutput,

  async observe(ctx, input) {
    const address = addressOf(input)
    return ctx.readers.database.read(address, ctx.signal, async (query) => {
      const claim = ctx.key === undefined ? undefined : await prepared(address, claimOf(query, ctx.key))
      const { observe } = input
      const seen = observe === undefined ? null : await isThere(query, observe)
      return { claim: claim ?? null, observed: seen }
    })
  },

  judge(_input, { claim, observed }) {
    if (observed === null) return claim === null ? 'absent' : 'holds'
    if (observed) return 'holds'
    // It was run, and what it brought about is gone: running it again is for a person to decide.
    return claim === null ? 'absent' : 'unclear'
  },

  async plan(ctx, input) {
    const { statement, parameters } = input
    const refused = await refusalOf(ctx, input)
    return [
      {
        certainty: 'opaque',
        target: `${nameOf(addressOf(input))} of ${input.system}`,
        after: { statement, parameters },
        why: { en: 'a statement is not run to see what it does', ko: '문장은 미리 실행해 보지 않음' },
        ...(refused === undefined ? {} : { refused }),
      },
    ]
  },

  async apply(ctx, input) {
    refuseElsewhere(ctx.readers, input.site, `pg.sql of ${input.system}`)
    const address = addressOf(input)
    return ctx.writers.database.write(address, ctx.signal, (query) =>
      inTransaction(query, async () => {
        // Two attempts of one node: the second waits here for the first.
        await query("SELECT pg_advisory_xact_lock(hashtext('haetae.claims'), hashtext($1))", [ctx.key])
        const claim = await prepared(address, claimOf(query, ctx.key))
        if (claim !== undefined) return { rows: claim.rows }
        const [{ own } = {}] = await query(`SELECT ${ownEpoch} AS own`)
        refuseOtherEpoch(ctx.epoch, own as number, `pg.sql of ${input.system}`)
        const rows = await query(input.statement, input.parameters)
        if (rows.length > maxRows)
          throw new Error(`the statement gives ${rows.length} rows; ${maxRows} are handed on`)
        const insert = 'INSERT INTO haetae.claims (key, rows) VALUES ($1, $2) RETURNING rows'
        return { rows: (await query(insert, [ctx.key, JSON.stringify(rows)]))[0]?.['rows'] as Row[] }
      }),
    )
  },

  adopt: (_input, { claim }) => ({ rows: claim?.rows ?? [] }),
  invert: () => 'none',
}

async function claimOf(query: Query, key: string): Promise<{ rows: Row[] } | undefined> {
  const [row] = await query('SELECT rows FROM haetae.claims WHERE key = $1', [key])
  return row === undefined ? undefined : { rows: row['rows'] as Row[] }
}

async function isThere(query: Query, look: NonNullable<SqlInput['observe']>): Promise<boolean> {
  const [row = {}, ...more] = await query(look.statement, look.parameters)
  const [answer, ...others] = Object.values(row)
  if (typeof answer === 'boolean' && others.length === 0 && more.length === 0) return answer
  throw new Error('observe of pg.sql must give one row with one column, true or false')
}

/**
 * What PostgreSQL says against the statement without running it: names, types and values. The reader may not do what the
 * writer may, so a missing right says nothing. Not every kind of statement can be explained.
 */
async function refusalOf(ctx: Read, { statement, parameters, ...at }: SqlInput): Promise<string | undefined> {
  if (!/^\s*(select|insert|update|delete|merge|with|values)\b/i.test(statement)) return undefined
  return ctx.readers.database.read(addressOf(at), ctx.signal, (query) =>
    query(`EXPLAIN ${statement}`, parameters).then(
      () => undefined,
      (error: unknown) => {
        if (!(error instanceof Error && 'severity' in error && 'code' in error)) throw error
        return error.code === insufficientPrivilege ? undefined : error.message
      },
    ),
  )
}

async function inTransaction<T>(query: Query, work: () => Promise<T>): Promise<T> {
  await query('BEGIN')
  try {
    const result = await work()
    await query('COMMIT')
    return result
  } catch (error) {
    await query('ROLLBACK').catch(() => undefined)
    throw error
  }
}
