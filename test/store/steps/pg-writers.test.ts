import type { Client } from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { databaseReader, databaseWriter } from '#platform/database/client.ts'
import { PreconditionRefused } from '#runbook/step-type.ts'
import { answering } from '#steps/answering.ts'
import type { PauseInput } from '#steps/inputs.ts'
import { pgPauseWriters } from '#steps/pg-pause-writers.ts'
import { pgResumeWriters } from '#steps/pg-resume-writers.ts'
import { pgWaitReplay } from '#steps/pg-wait-replay.ts'
import {
  acts,
  startSystemDatabase,
  type SystemDatabase,
  type SystemServer,
} from '../../support/postgres-pair.ts'
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
const sessions: Client[] = []
const standbys: SystemServer[] = []

beforeAll(async () => {
  system = await startSystemDatabase()
  await system.primary.sql("INSERT INTO haetae_authority (epoch, site) VALUES (1, 'gwangju')")
})
beforeEach(unpaused)
afterEach(async () => {
  for (const session of sessions.splice(0)) await session.end().catch(() => undefined)
  for (const standby of standbys.splice(0)) await standby.stop()
})
afterAll(async () => {
  await system.stop()
})

async function unpaused(): Promise<void> {
  await system.primary.sql(
    'UPDATE haetae.pause SET version = 0, key = NULL, epoch = NULL, since = NULL, until = NULL, lsn = NULL',
  )
}

async function session(server: SystemServer = system.primary): Promise<Client> {
  const opened = await server.session('app')
  sessions.push(opened)
  return opened
}

function targets(port?: number) {
  const reader = databaseReader(system.databases)
  const writer = databaseWriter(system.databases)
  const at = <A extends { port: number }>(address: A) => (port === undefined ? address : { ...address, port })
  return someTargets({
    readers: {
      database: answering({ read: (address, signal, work) => reader.read(at(address), signal, work) }),
    },
    writers: {
      database: answering({ write: (address, signal, work) => writer.write(at(address), signal, work) }),
    },
  })
}

function pauseOf(more: Partial<PauseInput> = {}, server = system.primary): PauseInput {
  const { host, port, database } = server
  return { site: 'gwangju', system: 'GPK', host, port, database, ttlSeconds: 600, graceSeconds: 0, ...more }
}

async function pause(more: Partial<PauseInput> = {}, ctx = acting(targets())) {
  const input = pauseOf(more)
  return pgPauseWriters.apply(ctx, input, await pgPauseWriters.observe(ctx, input))
}

async function resume(ctx = acting(targets())) {
  const { host, port, database } = system.primary
  const input = { site: 'gwangju', system: 'GPK', host, port, database }
  return pgResumeWriters.apply(ctx, input, await pgResumeWriters.observe(ctx, input))
}

/** What the database itself says was written: its row of the pause, and the statements in its log that change it. */
async function written(): Promise<string[]> {
  const rows = await system.primary.sql('SELECT version, key, until FROM haetae.pause WHERE version > 0')
  return [...rows.map((row) => JSON.stringify(row)), ...(await acts(system.primary, logged))]
}

let logged = 0
/** What was logged before counts no more. */
async function fromHere(): Promise<void> {
  logged = (await system.primary.statements()).length
}

const insert = (id: string) => `INSERT INTO transactions (id) VALUES ('${id}')`

/** What the database says to a writer: 25006 means that it is paused, undefined that it wrote. */
function answerTo(client: Client, text: string): Promise<string | undefined> {
  return client.query(text).then(
    () => undefined,
    (error: { code?: string }) => error.code,
  )
}

describe('pg.pauseWriters on a real primary', () => {
  conforms(pgPauseWriters, async () => {
    await unpaused()
    await fromHere()
    const input = pauseOf()
    return {
      input,
      targets: targets(),
      context: { epoch: 1 },
      written,
      // Somebody else pauses and resumes in between: nothing is paused, but it is not what was seen.
      meddle: async () => {
        await pause({}, acting(targets(), { runId: 'other' }))
        await resume()
      },
      others: {
        there: () =>
          system.primary.sql('SELECT key FROM haetae.pause WHERE haetae.paused_until() IS NOT NULL'),
        // Another run resumes, and pauses for itself.
        async change() {
          await resume()
          await pause({}, acting(targets(), { runId: 'other' }))
        },
        changeBeside: async () => void (await system.primary.sql('ANALYZE transactions')),
      },
      silent: targets(silent.port),
      state: await pgPauseWriters.observe(acting(targets()), input),
    }
  })

  test('planning is done by a role that may only read, and its log shows nothing but looks', async () => {
    await fromHere()
    const ctx = planning(targets())
    const changes = await pgPauseWriters.plan(ctx, pauseOf(), await pgPauseWriters.observe(ctx, pauseOf()))
    expect(changes).toMatchObject([{ certainty: 'exact', after: { paused: true, forSeconds: 600 } }])
    const said = (await system.primary.statements(logged)).filter(({ role }) => role === 'haetae_reader')
    expect(said.length).toBeGreaterThan(0)
    expect(await written()).toEqual([])
    const reader = databaseReader(system.databases)
    const attempt = reader.read(pauseOf(), new AbortController().signal, (query) =>
      query("SELECT haetae.pause_writers('x', 1, 0)"),
    )
    await expect(attempt).rejects.toMatchObject({ code: '42501' })
  })

  test('every way to write is refused, whoever tries; reading goes on', async () => {
    const app = await session()
    await app.query(insert('before'))
    await pause()
    const ways = [
      insert('a'),
      "UPDATE transactions SET payload = '1'",
      'DELETE FROM transactions',
      'TRUNCATE transactions',
      "WITH x AS (INSERT INTO transactions (id) VALUES ('b') RETURNING id) SELECT * FROM x",
      "COPY transactions (id) FROM PROGRAM 'echo c'",
      'ALTER TABLE transactions DISABLE TRIGGER ALL',
      'CREATE TABLE more (id int)',
      'DROP TABLE transactions',
      "SET session_replication_role = replica; INSERT INTO transactions (id) VALUES ('d')",
    ]
    const administrator = await system.primary.session('postgres')
    sessions.push(administrator)
    for (const way of ways) expect(await answerTo(administrator, way), way).toBe('25006')
    for (const way of ways.slice(0, 5)) expect(await answerTo(app, way), way).toBe('25006')
    const { rows } = await app.query("SELECT id FROM transactions WHERE id = 'before'")
    expect(rows).toHaveLength(1)
  })

  test('with nobody acting, writers resume by themselves when the time is over, and not before', async () => {
    const { until } = await pause({ ttlSeconds: 2 })
    const app = await session()
    expect(await answerTo(app, insert('too early'))).toBe('25006')
    // No deadline of its own: the test's ends it.
    for (;;) {
      const accepted = await app
        .query<{ at: Date }>(`${insert(`resumed-${until}`)} RETURNING clock_timestamp() AS at`)
        .catch(() => undefined)
      if (accepted === undefined) continue
      expect(accepted.rows[0]?.at.getTime()).toBeGreaterThanOrEqual(Date.parse(until))
      break
    }
    const found = await pgPauseWriters.observe(acting(targets()), pauseOf())
    expect(found).toMatchObject({ active: false, version: 1 })
    expect(pgPauseWriters.judge(pauseOf(), found)).toBe('absent')
  })

  test('paused twice is paused once: the end stays where it was', async () => {
    const first = await pause({ ttlSeconds: 300 })
    expect(await pause({ ttlSeconds: 600 })).toEqual(first)
    const [row] = await system.primary.sql('SELECT version FROM haetae.pause')
    expect(row).toEqual({ version: 1 })
  })

  test('a pause of somebody else is neither taken over nor made longer', async () => {
    await pause({ ttlSeconds: 300 }, acting(targets(), { runId: 'other' }))
    const ctx = acting(targets())
    const found = await pgPauseWriters.observe(ctx, pauseOf())
    expect(pgPauseWriters.judge(pauseOf(), found)).toBe('unclear')
    await expect(pgPauseWriters.apply(ctx, pauseOf(), found)).rejects.toBeInstanceOf(PreconditionRefused)
  })

  test('a request that comes late, after writers were resumed, pauses nobody', async () => {
    const ctx = acting(targets())
    const seen = await pgPauseWriters.observe(ctx, pauseOf())
    await pause()
    await resume()
    await expect(pgPauseWriters.apply(ctx, pauseOf(), seen)).rejects.toBeInstanceOf(PreconditionRefused)
    expect(await answerTo(await session(), insert('after the late request'))).toBeUndefined()
  })

  test('a transaction that began before may finish within the grace, and its commit stands', async () => {
    const app = await session()
    await app.query(`BEGIN; ${insert('finished')}`)
    const ctx = acting(targets())
    const committed = Promise.withResolvers<unknown>()
    const progress = () => void app.query('COMMIT').then(committed.resolve, committed.reject)
    const pausing = pause({ graceSeconds: 60 }, { ...ctx, progress })
    await committed.promise
    await pausing
    const { rows } = await app.query("SELECT id FROM transactions WHERE id = 'finished'")
    expect(rows).toHaveLength(1)
  })

  test('a transaction that began before and does not end is ended, with what it wrote', async () => {
    const writing = await session()
    await writing.query(`BEGIN; ${insert('never committed')}`)
    // Its snapshot is from before the pause: it would not see that there is one.
    const repeatable = await session()
    await repeatable.query('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM transactions')
    const ctx = acting(targets())
    await pause({}, ctx)
    expect(ctx.said).toContain('2 older transactions were ended')
    await expect(writing.query('COMMIT')).rejects.toThrow()
    await expect(repeatable.query(insert('by an old snapshot'))).rejects.toThrow()
    const ids = await system.primary.sql(
      "SELECT id FROM transactions WHERE id IN ('never committed', 'by an old snapshot')",
    )
    expect(ids).toEqual([])
  })

  test('a prepared transaction cannot be ended: that writers are stopped is not claimed', async () => {
    const administrator = await system.primary.session('postgres')
    sessions.push(administrator)
    await administrator.query(`BEGIN; ${insert('prepared')}; PREPARE TRANSACTION 'two-phase'`)
    try {
      await expect(pause()).rejects.toMatchObject({ cause: { code: 'writers-remain' } })
      const found = await pgPauseWriters.observe(acting(targets()), pauseOf())
      expect(pgPauseWriters.judge(pauseOf(), found)).toBe('absent')
    } finally {
      await administrator.query("ROLLBACK PREPARED 'two-phase'")
    }
  })

  test('a table that is made later is guarded too', async () => {
    await system.primary.sql('CREATE TABLE IF NOT EXISTS later (id int); GRANT INSERT ON later TO app')
    await pause()
    expect(await answerTo(await session(), 'INSERT INTO later VALUES (1)')).toBe('25006')
  })

  test("Haetae's role cannot pause for longer than an hour, nor write the pause itself, nor end sessions at will", async () => {
    const asHaetae = (text: string) =>
      databaseWriter(system.databases).write(pauseOf(), new AbortController().signal, (query) => query(text))
    await expect(asHaetae("SELECT haetae.pause_writers('x', 3601, 0)")).rejects.toThrow('1 to 3600 seconds')
    await expect(asHaetae("UPDATE haetae.pause SET until = 'infinity'")).rejects.toMatchObject({
      code: '42501',
    })
    await expect(asHaetae('SELECT * FROM transactions')).rejects.toMatchObject({ code: '42501' })
    const app = await session()
    await app.query('BEGIN; SELECT 1')
    expect(await asHaetae("SELECT haetae.end_transactions('infinity') AS ended")).toEqual([{ ended: '0' }])
    await app.query('COMMIT')
  })

  test('a database that is not prepared says what is missing', async () => {
    const input = pauseOf({ database: 'postgres' })
    const ctx = acting(someTargets({ readers: { database: answering(databaseReader(system.databases)) } }))
    await expect(pgPauseWriters.observe(ctx, input)).rejects.toMatchObject({ code: 'database-not-prepared' })
  })

  test('a pause at another site than the one that acts is refused', async () => {
    await expect(pause({ site: 'daejeon' })).rejects.toMatchObject({ code: 'wrong-site' })
  })
})

describe('pg.resumeWriters on a real primary', () => {
  conforms(pgResumeWriters, async () => {
    await unpaused()
    await pause()
    await fromHere()
    const { host, port, database } = system.primary
    const input = { site: 'gwangju', system: 'GPK', host, port, database }
    return {
      input,
      targets: targets(),
      context: { epoch: 1 },
      // The row is there before: what counts is what was added to it.
      written: async () => (await written()).filter((line) => !line.includes('"version":1')),
      meddle: async () => {
        await resume()
        await pause({}, acting(targets(), { runId: 'other' }))
      },
      silent: targets(silent.port),
      state: await pgResumeWriters.observe(acting(targets()), input),
    }
  })

  test('writers write again at once, and how long they waited is told by the database', async () => {
    const { since, until: planned } = await pause()
    const { until } = await resume()
    expect(await answerTo(await session(), insert('resumed'))).toBeUndefined()
    expect(Date.parse(until ?? '')).toBeGreaterThanOrEqual(Date.parse(since))
    expect(Date.parse(until ?? '')).toBeLessThan(Date.parse(planned))
  })
})

describe('a standby of a paused primary', () => {
  async function pausedPair() {
    const standby = await system.standby()
    standbys.push(standby)
    const paused = await pause()
    const { host, port, database } = standby
    const input = { site: 'gwangju', host, port, database, lsn: paused.lsn }
    const ctx = acting(targets())
    await pgWaitReplay.apply(ctx, input, await pgWaitReplay.observe(ctx, input))
    return { standby, paused, input }
  }

  conforms(pgWaitReplay, async () => {
    const { input } = await pausedPair()
    await fromHere()
    return { input, targets: targets(), written, silent: targets(silent.port) }
  })

  test('has everything that was acknowledged, and nothing is added after', async () => {
    const standby = await system.standby()
    standbys.push(standby)
    const acknowledged: string[] = []
    const writers = await Promise.all([1, 2, 3, 4].map(() => session()))
    const writing = writers.map(async (client, writer) => {
      for (let n = 0; ; n++) {
        const id = `load-${writer}-${n}`
        try {
          await client.query(insert(id))
        } catch {
          return
        }
        acknowledged.push(id)
        if (acknowledged.length === 20) some.resolve(undefined)
      }
    })
    const some = Promise.withResolvers<undefined>()
    await some.promise
    const { lsn } = await pause({ graceSeconds: 5 })
    await Promise.all(writing)
    const { host, port, database } = standby
    const input = { site: 'gwangju', host, port, database, lsn }
    const ctx = acting(targets())
    await pgWaitReplay.apply(ctx, input, await pgWaitReplay.observe(ctx, input))
    const stored = "SELECT array_agg(id ORDER BY id) AS ids FROM transactions WHERE id LIKE 'load-%'"
    expect(await standby.sql(stored)).toEqual([{ ids: acknowledged.sort() }])
    expect(await system.primary.sql(stored)).toEqual([{ ids: acknowledged }])
  })

  test('is paused as well: promoted by hand, it refuses writers until the time is over', async () => {
    const { standby } = await pausedPair()
    await standby.sql('SELECT pg_promote()')
    expect(await answerTo(await session(standby), insert('on the promoted'))).toBe('25006')
  })

  test('that is promoted under a new epoch takes writers at once, while the old primary refuses them', async () => {
    const { standby } = await pausedPair()
    await standby.sql('SELECT pg_promote()')
    await standby.sql("INSERT INTO haetae_authority (epoch, site) VALUES (2, 'daejeon')")
    expect(await answerTo(await session(standby), insert('on the new primary'))).toBeUndefined()
    expect(await answerTo(await session(), insert('on the old primary'))).toBe('25006')
  })

  test('is not the primary: whether its writers are paused is a question for a person', async () => {
    const { standby } = await pausedPair()
    const input = pauseOf({}, standby)
    const found = await pgPauseWriters.observe(acting(targets()), input)
    expect(found).toMatchObject({ active: true, inRecovery: true })
    expect(pgPauseWriters.judge(input, found)).toBe('unclear')
  })

  test('that has not come so far is waited for, until the signal', async () => {
    const { standby, input } = await pausedPair()
    const far = { ...input, lsn: 'FF/0' }
    const ctx = acting(targets(), { signal: AbortSignal.timeout(500) })
    const seen = await pgWaitReplay.observe(ctx, far)
    expect(pgWaitReplay.judge(far, seen)).toBe('absent')
    await expect(pgWaitReplay.apply(ctx, far, seen)).rejects.toThrow()
    expect(await standby.sql('SELECT pg_is_in_recovery() AS standby')).toEqual([{ standby: true }])
  })
})
