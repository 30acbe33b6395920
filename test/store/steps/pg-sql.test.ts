import type { Client } from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { databaseReader, databaseWriter } from '#platform/database/client.ts'
import { answering } from '#steps/answering.ts'
import { sqlInput, type SqlInput } from '#steps/inputs.ts'
import { pgSql } from '#steps/pg-sql.ts'
import { acts, startSystemDatabase, type SystemDatabase } from '../../support/postgres-pair.ts'
import { silentServerForFile } from '../../support/silent-server.ts'
import { conforms } from '../../support/step-conformance.ts'
import {
  acting as actingAs,
  planning,
  someTargets,
  type ContextOptions,
} from '../../support/step-contexts.ts'

let system: SystemDatabase
/** Under the epoch of the database. */
const acting = (targets: Parameters<typeof actingAs>[0], options: ContextOptions = {}) =>
  actingAs(targets, { epoch: 1, ...options })
const silent = silentServerForFile()
let logged = 0
/** A session of the system's own, and its process at the server. */
let victim: Client
let pid = 0
const wipe = 'DELETE FROM notices'
/** The server itself, by a way in that asks for no password: its administrator's socket. */
const loop = () => `host=${system.primary.socketFolder} port=${system.primary.port} user=postgres dbname=app`

beforeAll(async () => {
  system = await startSystemDatabase()
  await system.primary.sql(`
    CREATE TABLE notices (id serial PRIMARY KEY, text text UNIQUE NOT NULL, shown bool NOT NULL DEFAULT true);
    GRANT SELECT, INSERT, DELETE ON notices TO haetae;
    GRANT USAGE ON SEQUENCE notices_id_seq TO haetae;
    GRANT SELECT ON notices TO haetae_reader;
    CREATE EXTENSION dblink`)
  victim = await system.primary.session('app')
  const [{ found } = {}] = (await victim.query<{ found: number }>('SELECT pg_backend_pid() AS found')).rows
  pid = found ?? 0
})
beforeEach(fresh)
afterAll(async () => {
  await victim?.end()
  await system.stop()
})

async function fresh(): Promise<void> {
  await system.primary.sql('TRUNCATE notices RESTART IDENTITY; TRUNCATE haetae.claims')
  logged = (await system.primary.statements()).length
}

function targets(port = system.primary.port) {
  const reader = databaseReader(system.databases)
  const writer = databaseWriter(system.databases)
  return someTargets({
    readers: {
      database: answering({ read: (at, signal, work) => reader.read({ ...at, port }, signal, work) }),
    },
    writers: {
      database: answering({ write: (at, signal, work) => writer.write({ ...at, port }, signal, work) }),
    },
  })
}

function inputOf(more: Partial<SqlInput> = {}): SqlInput {
  const { host, port, database } = system.primary
  return {
    ...{ site: 'gwangju', system: 'GPK', host, port, database },
    statement: 'INSERT INTO notices (text, shown) VALUES ($1, $2) RETURNING id, text',
    parameters: ["maintenance'; DROP TABLE notices; --", false],
    ...more,
  }
}

const there = {
  statement: 'SELECT count(*) = 1 FROM notices WHERE text = $1',
  parameters: inputParameters(),
}
function inputParameters(): string[] {
  return ["maintenance'; DROP TABLE notices; --"]
}

const rows = () => system.primary.sql('SELECT id, text FROM notices ORDER BY id')

/** Rows that are there, and what Haetae said to the server that was to make some. */
async function written(): Promise<string[]> {
  return [...(await rows()).map((row) => JSON.stringify(row)), ...(await acts(system.primary, logged))]
}

async function apply(input: SqlInput, ctx = acting(targets())) {
  return pgSql.apply(ctx, input, await pgSql.observe(ctx, input))
}

describe.each([
  ['by its claim', {}],
  ['by a look of its own', { observe: there }],
])('pg.sql on a real PostgreSQL, observed %s', (_how, more) => {
  conforms(pgSql, async () => {
    await fresh()
    const state = { claim: null, observed: null }
    return {
      ...{
        input: inputOf(more),
        targets: targets(),
        context: { epoch: 1 },
        written,
        silent: targets(silent.port),
        state,
      },
      output: ({ rows }) => expect(rows).toEqual([{ id: 1, text: inputParameters()[0] }]),
    }
  })
})

describe('pg.sql', () => {
  test('planning explains the statement as the reader, and runs nothing', async () => {
    const ctx = planning(targets())
    const changes = await pgSql.plan(ctx, inputOf(), await pgSql.observe(ctx, inputOf()))
    // The reader may not insert. That says nothing of the writer, who may.
    expect(changes).toEqual([
      {
        certainty: 'opaque',
        target: expect.stringContaining('/app of GPK') as string,
        after: { statement: inputOf().statement, parameters: inputOf().parameters },
        why: expect.objectContaining({ en: expect.stringContaining('is not run') as string }) as object,
      },
    ])
    const said = (await system.primary.statements(logged)).filter(({ role }) => role === 'haetae_reader')
    expect(said.map(({ text }) => text)).toEqual([`EXPLAIN ${inputOf().statement}`])
    expect(await written()).toEqual([])
  })

  test.each([
    ['INSERT INTO notice (text) VALUES ($1)', ['x'], 'relation "notice" does not exist'],
    ['INSERT INTO notices (text, shown) VALUES ($1, $2)', ['x', 'perhaps'], 'boolean: "perhaps"'],
  ])('planning tells what PostgreSQL says against %s', async (statement, parameters, why) => {
    const ctx = planning(targets())
    const [change] = await pgSql.plan(ctx, inputOf({ statement, parameters }), {
      claim: null,
      observed: null,
    })
    expect(change?.refused).toContain(why)
  })

  test.each([
    ['promotes', () => 'SELECT pg_promote(false)', '42501'],
    ['ends a session', () => `SELECT pg_terminate_backend(${pid})`, '42501'],
    ['cancels a statement', () => `SELECT pg_cancel_backend(${pid})`, '42501'],
    ['switches WAL', () => 'SELECT pg_switch_wal() IS NOT NULL', '42501'],
    ['loads a file', () => "SELECT lo_import('/etc/hostname') > 0", '42501'],
    ['reads a file', () => "SELECT pg_read_file('/etc/hostname') <> ''", '42501'],
    ['writes a file', () => "SELECT lo_export(0, '/tmp/never') > 0", '42501'],
    ['pauses writers', () => "SELECT haetae.pause_writers('x', 1, 0) IS NOT NULL", '42501'],
    ['ends transactions', () => "SELECT haetae.end_transactions('infinity') > 0", '42501'],
    ['draws from a sequence', () => "SELECT nextval('notices_id_seq') > 0", '42501'],
    ['sends SQL elsewhere', () => `SELECT * FROM dblink('${loop()}', '${wipe}') AS x (one text)`, '2F003'],
    ['connects elsewhere', () => `SELECT dblink_connect_u('one', '${loop()}') = 'OK'`, '42501'],
    [
      'hides what it calls',
      () => `SELECT query_to_xml('SELECT pg_' || 'promote()', true, true, '') IS NULL`,
      '42501',
    ],
  ])('a look that %s is refused by the database itself', async (_what, statementOf, code) => {
    const look = { observe: { statement: statementOf(), parameters: [] } }
    await expect(pgSql.observe(planning(targets()), inputOf(look))).rejects.toMatchObject({ code })
    expect(await victim.query('SELECT 1')).toMatchObject({ rowCount: 1 })
    expect(await acts(system.primary, logged)).toEqual([])
  })

  test('two attempts at the same moment run it once', async () => {
    const ctx = acting(targets())
    const state = await pgSql.observe(ctx, inputOf())
    const [first, second] = await Promise.all([
      pgSql.apply(ctx, inputOf(), state),
      pgSql.apply(ctx, inputOf(), state),
    ])
    expect(second).toEqual(first)
    expect(await system.primary.sql('SELECT count(*)::int AS n FROM notices')).toEqual([{ n: 1 }])
  })

  test('another node, or another run, runs it again', async () => {
    const plain = inputOf({
      statement: 'INSERT INTO notices (text) VALUES (clock_timestamp()::text)',
      parameters: [],
    })
    await apply(plain)
    await apply(plain, acting(targets(), { nodeId: 'GPK/other' }))
    await apply(plain, acting(targets(), { runId: 'run-2' }))
    expect(await system.primary.sql('SELECT count(*)::int AS n FROM notices')).toEqual([{ n: 3 }])
  })

  test('a statement that fails leaves no claim, and may be tried again', async () => {
    await system.primary.sql("INSERT INTO notices (text) VALUES ('taken')")
    const input = inputOf({ parameters: ['taken', true] })
    await expect(apply(input)).rejects.toMatchObject({ code: '23505' })
    expect(pgSql.judge(input, await pgSql.observe(acting(targets()), input))).toBe('absent')
    await system.primary.sql('DELETE FROM notices')
    expect((await apply(input)).rows).toHaveLength(1)
  })

  test('what was done and is gone again is a question for a person', async () => {
    const input = inputOf({ observe: there })
    await apply(input)
    await system.primary.sql('DELETE FROM notices')
    expect(pgSql.judge(input, await pgSql.observe(acting(targets()), input))).toBe('unclear')
  })

  test('a second statement in the text is refused by the server, and nothing of the first stays', async () => {
    for (const parameters of [[], ['x']]) {
      const first =
        parameters.length === 0
          ? "INSERT INTO notices (text) VALUES ('x')"
          : 'INSERT INTO notices (text) VALUES ($1)'
      const input = inputOf({ statement: `${first}; DELETE FROM notices`, parameters })
      await expect(apply(input)).rejects.toThrow('multiple commands')
    }
    expect(await rows()).toEqual([])
  })

  test('what would end the transaction of the claim is not a statement', () => {
    for (const statement of [
      'COMMIT',
      ' rollback',
      'BEGIN',
      '-- x\nCOMMIT',
      '/* x */ COMMIT',
      "PREPARE TRANSACTION 'x'",
    ])
      expect(sqlInput.safeParse(inputOf({ statement })).success, statement).toBe(false)
  })

  test('what promotes a database, or acts although the transaction is read only, is no look', () => {
    for (const statement of [
      'SELECT pg_promote(false)',
      'SELECT pg_catalog."pg_promote"(false)',
      'SELECT U&"pg\\005fpromote"(false)',
    ]) {
      expect(sqlInput.safeParse(inputOf({ statement })).success, statement).toBe(false)
      const observe = { statement, parameters: [] }
      expect(sqlInput.safeParse(inputOf({ observe })).success, statement).toBe(false)
    }
    for (const statement of [
      'SELECT pg_terminate_backend(pid) FROM pg_stat_activity',
      "SELECT set_config('statement_timeout', '0', false) = '0'",
      'NOTIFY citizens',
      'CALL close_day()',
      "SELECT query_to_xml('SELECT lo_' || 'create(0)', true, true, '') IS NULL",
    ]) {
      expect(sqlInput.safeParse(inputOf({ statement })).success, statement).toBe(true)
      const observe = { statement, parameters: [] }
      expect(sqlInput.safeParse(inputOf({ observe })).success, statement).toBe(false)
    }
    expect(sqlInput.safeParse(inputOf({ observe: there })).success).toBe(true)
  })

  test('a look that does not say yes or no is a mistake of the runbook', async () => {
    const input = inputOf({ observe: { statement: 'SELECT 1, 2', parameters: [] } })
    await expect(pgSql.observe(acting(targets()), input)).rejects.toThrow('one row with one column')
  })

  test('more rows than are handed on change nothing', async () => {
    const input = inputOf({
      statement: 'INSERT INTO notices (text) SELECT generate_series(1, $1)::text RETURNING id',
      parameters: [101],
    })
    await expect(apply(input)).rejects.toThrow('101 rows')
    expect(await rows()).toEqual([])
  })
})
