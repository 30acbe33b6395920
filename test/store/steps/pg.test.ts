import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { authorityStore, type AuthorityStore } from '#authority/store.ts'
import { systemClock } from '#platform/clock.ts'
import { databaseReader, databaseWriter, type DatabaseRole } from '#platform/database/client.ts'
import { PreconditionRefused } from '#runbook/step-type.ts'
import { answering } from '#steps/answering.ts'
import type { PromoteInput } from '#steps/inputs.ts'
import { pgPromote } from '#steps/pg-promote.ts'
import { pgStatus } from '#steps/pg-status.ts'
import type { Targets } from '#steps/targets.ts'
import { databasePerTest } from '../../support/postgres.ts'
import {
  acts,
  caughtUp,
  startSystemDatabase,
  type SystemDatabase,
  type SystemServer,
} from '../../support/postgres-pair.ts'
import { testPorts, type TestPorts } from '../../support/ports.ts'
import { silentServerForFile } from '../../support/silent-server.ts'
import { conforms } from '../../support/step-conformance.ts'
import { acting, someTargets } from '../../support/step-contexts.ts'

let system: SystemDatabase
const silent = silentServerForFile()
const haetae = databasePerTest()
const standbys: SystemServer[] = []

beforeAll(async () => {
  system = await startSystemDatabase()
  await system.primary.sql("INSERT INTO haetae_authority (epoch, site) VALUES (1, 'daejeon')")
  await system.primary.sql("INSERT INTO heartbeat VALUES ('daejeon', '2026-03-01T00:00:01.250Z')")
})
afterEach(async () => {
  for (const standby of standbys.splice(0)) await standby.stop()
})
afterAll(async () => {
  await system.stop()
})

async function newStandby(): Promise<SystemServer> {
  const standby = await system.standby()
  standbys.push(standby)
  return standby
}

interface Scene {
  store: AuthorityStore
  ports: TestPorts
  targets: Pick<Targets, 'readers' | 'writers'>
  runId: string
  input: PromoteInput
  standby: SystemServer
  ctx: ReturnType<typeof acting>
}

/** A standby that has caught up, and a run that has fenced the source and taken epoch 2. */
async function fenced(kind: 'attested' | 'active' = 'attested'): Promise<Scene> {
  const standby = await newStandby()
  const store = authorityStore(haetae().pool, systemClock)
  const ports = testPorts()
  const runId = randomUUID()
  await store.seed([{ system: 'GPK', site: 'daejeon' }])
  const expiresAt = new Date(Date.now() + 600_000).toISOString()
  await store.recordFence({ runId, system: 'GPK', site: 'daejeon', kind, proof: {}, expiresAt }, null)
  const taken = await store.acquire({ runId, system: 'GPK', site: 'gwangju', seenEpoch: 1 })
  const targets = targetsWith(store, ports)
  const { host, port, database } = standby
  const input = {
    site: 'gwangju',
    host,
    port,
    database,
    system: 'GPK',
    epoch: taken.epoch,
    recoveryPoint: null,
  }
  const ctx = acting(targets, { runId, epoch: taken.epoch })
  return { store, ports, targets, runId, input, standby, ctx }
}

function targetsWith(store: AuthorityStore, ports: TestPorts): Pick<Targets, 'readers' | 'writers'> {
  return someTargets({
    readers: {
      database: answering(databaseReader(system.databases)),
      authority: store,
      silence: ports.silence,
    },
    writers: { database: answering(databaseWriter(system.databases)), authority: store },
  })
}

describe('pg.status on a real standby', () => {
  conforms(pgStatus, async () => {
    const standby = await newStandby()
    const { host, port, database } = standby
    const targets = someTargets({ readers: { database: answering(databaseReader(system.databases)) } })
    return {
      input: { site: 'gwangju', host, port, database },
      targets,
      written: () => acts(standby),
      output: (output) =>
        expect(output).toMatchObject({ inRecovery: true, lastHeartbeatAt: '2026-03-01T00:00:01.250Z' }),
    }
  })

  test('a server that takes the connection and says nothing ends at the signal', async () => {
    const targets = someTargets({ readers: { database: answering(databaseReader(system.databases)) } })
    const began = performance.now()
    const input = { site: 'gwangju', host: '127.0.0.1', port: silent.port, database: 'app' }
    const ctx = acting(targets, { signal: AbortSignal.timeout(300) })
    await expect(pgStatus.observe(ctx, input)).rejects.toMatchObject({ name: 'Unreachable' })
    expect(performance.now() - began).toBeLessThan(10_000)
  })

  test('a standby that is stopped is unreachable, not wrong', async () => {
    const { host, port, database, stop } = await newStandby()
    await stop()
    const targets = someTargets({ readers: { database: answering(databaseReader(system.databases)) } })
    const input = { site: 'gwangju', host, port, database }
    await expect(pgStatus.observe(acting(targets), input)).rejects.toMatchObject({ name: 'Unreachable' })
  })

  test('the position it gives grows with what the primary commits', async () => {
    const standby = await newStandby()
    const targets = someTargets({ readers: { database: answering(databaseReader(system.databases)) } })
    const { host, port, database } = standby
    const input = { site: 'gwangju', host, port, database }
    const before = await pgStatus.observe(acting(targets), input)
    await system.primary.sql(
      "INSERT INTO heartbeat VALUES ('other', '2026-02-01T00:00:00Z') ON CONFLICT DO NOTHING",
    )
    await system.primary.sql("UPDATE heartbeat SET at = at WHERE source = 'other'")
    await caughtUp(system.primary, standby)
    const after = await pgStatus.observe(acting(targets), input)
    expect(after.replayedLsn).not.toBe(before.replayedLsn)
    expect(after.timeline).toBe(1)
  })

  test('a server whose certificate is for another name is not believed', async () => {
    const { host, port, database } = system.primary
    const reader = databaseReader(system.databases)
    const address = { host, port, database, serverName: 'somewhere.else' }
    const asked = reader.read(address, new AbortController().signal, (query) => query('SELECT 1'))
    await expect(asked).rejects.toMatchObject({
      name: 'NoAnswer',
      reason: expect.stringContaining('altnames') as string,
    })
  })

  test('a reader cannot write: neither as its role, nor by its session if its role may', async () => {
    const { host, port, database } = system.primary
    const insert = "INSERT INTO haetae_authority (epoch, site) VALUES (99, 'x')"
    const reading = (reader: DatabaseRole, ...statements: string[]) =>
      databaseReader({ ...system.databases, reader }).read(
        { host, port, database },
        new AbortController().signal,
        async (query) => {
          for (const text of [...statements, insert]) await query(text)
        },
      )
    const { reader, writer } = system.databases
    const writable = 'SET default_transaction_read_only = off'
    await expect(reading(reader, writable)).rejects.toMatchObject({ code: '42501' })
    await expect(reading(writer)).rejects.toThrow('read-only transaction')
  })

  test('a database in which the reader may not look is not prepared', async () => {
    const { host, port, database } = system.primary
    const targets = someTargets({ readers: { database: answering(databaseReader(system.databases)) } })
    await system.primary.sql('REVOKE SELECT ON haetae_authority FROM haetae_reader')
    onTestFinished(async () => {
      await system.primary.sql('GRANT SELECT ON haetae_authority TO haetae_reader')
    })
    const looked = pgStatus.observe(acting(targets), { site: 'gwangju', host, port, database })
    const why = 'permission denied for table haetae_authority'
    await expect(looked).rejects.toMatchObject({ code: 'database-not-prepared', why })
  })

  test('a primary where a standby was expected is a question for a person', async () => {
    const { host, port, database } = system.primary
    const targets = someTargets({ readers: { database: answering(databaseReader(system.databases)) } })
    const input = { site: 'gwangju', host, port, database }
    expect(pgStatus.judge(input, await pgStatus.observe(acting(targets), input))).toBe('unclear')
  })
})

describe('pg.promote on a real standby', () => {
  conforms(pgPromote, async () => {
    const { targets, runId, input, standby, ctx } = await fenced()
    const { port } = silent
    return {
      input,
      targets,
      context: { runId, epoch: input.epoch },
      written: () => acts(standby),
      output: (output) =>
        expect(output).toMatchObject({ timeline: 2, lastHeartbeatAt: '2026-03-01T00:00:01.250Z' }),
      // Somebody else promotes it and takes the epoch: the server itself refuses ours.
      meddle: async () => {
        await standby.sql('SELECT pg_promote()')
        await standby.sql(
          `INSERT INTO haetae_authority (epoch, site, run_id) VALUES (${input.epoch}, 'x', 'other')`,
        )
      },
      silent: silentTargets(targets, port),
      state: await pgPromote.observe(ctx, input),
    }
  })

  test('it is writable, carries the epoch, and keeps everything that was received', async () => {
    const { input, standby, ctx, runId } = await fenced()
    await pgPromote.apply(ctx, input, await pgPromote.observe(ctx, input))
    const rows = await standby.sql('SELECT epoch, site, run_id FROM haetae_authority ORDER BY epoch')
    expect(rows).toEqual([
      { epoch: 1, site: 'daejeon', run_id: null },
      { epoch: 2, site: 'gwangju', run_id: runId },
    ])
    expect(await standby.sql('SELECT pg_is_in_recovery() AS standby')).toEqual([{ standby: false }])
  })

  test('a daemon that died between promotion and epoch finishes its own promotion, without a second one', async () => {
    const { input, standby, ctx, store, runId } = await fenced()
    const before = await pgPromote.observe(ctx, input)
    const { timeline, replayedLsn } = before
    await store.claimPromotion({ runId, system: 'GPK', epoch: 2, timeline, lsn: replayedLsn ?? '' })
    await standby.sql('SELECT pg_promote()')
    const found = await pgPromote.observe(ctx, input)
    expect(pgPromote.judge(input, found)).toBe('absent')
    const output = await pgPromote.apply(ctx, input, found)
    expect(output).toMatchObject({ timeline: timeline + 1, promotedLsn: expect.any(String) as string })
    expect(pgPromote.judge(input, await pgPromote.observe(ctx, input))).toBe('holds')
    expect((await acts(standby)).filter((line) => line.includes('INSERT'))).toHaveLength(1)
  })

  test('a promotion that this run never claimed is unclear, and is not taken for its own', async () => {
    const { input, standby, ctx } = await fenced()
    await standby.sql('SELECT pg_promote()')
    const found = await pgPromote.observe(ctx, input)
    expect(pgPromote.judge(input, found)).toBe('unclear')
    await expect(pgPromote.apply(ctx, input, found)).rejects.toBeInstanceOf(PreconditionRefused)
    expect(await standby.sql('SELECT max(epoch) AS epoch FROM haetae_authority')).toEqual([{ epoch: 1 }])
  })

  test('a standby that holds our epoch or a newer one already is never promoted', async () => {
    const { input, ctx, standby } = await fenced()
    const state = await pgPromote.observe(ctx, input)
    const old = { ...input, epoch: 1 }
    expect(pgPromote.judge(old, state)).toBe('unclear')
    const holding = acting(ctx, { runId: ctx.runId, epoch: 1 })
    await expect(pgPromote.apply(holding, old, state)).rejects.toMatchObject({ code: 'authority-lost' })
    expect(await standby.sql('SELECT pg_is_in_recovery() AS standby')).toEqual([{ standby: true }])
  })

  test('a source that answers again stops the promotion of an attested fence', async () => {
    const { input, ctx, ports, standby } = await fenced()
    const state = await pgPromote.observe(ctx, input)
    ports.source.answers = true
    await expect(pgPromote.apply(ctx, input, state)).rejects.toMatchObject({ code: 'source-answers' })
    expect(await standby.sql('SELECT pg_is_in_recovery() AS standby')).toEqual([{ standby: true }])
  })

  test('a source that nobody could look at is not taken for silent', async () => {
    const { input, ctx, standby } = await fenced()
    const state = await pgPromote.observe(ctx, input)
    const vantages = [{ vantage: 'peer', answered: false, why: 'it could not look' }]
    const silence = { look: () => Promise.resolve({ silent: false, at: new Date().toISOString(), vantages }) }
    const { authority } = ctx.readers
    const blind = { ...ctx, readers: someTargets({ readers: { authority, silence } }).readers }
    await expect(pgPromote.apply(blind, input, state)).rejects.toMatchObject({ name: 'Unreachable' })
    expect(await standby.sql('SELECT pg_is_in_recovery() AS standby')).toEqual([{ standby: true }])
  })

  test('an active fence is proof by itself: nobody looks whether the source is silent', async () => {
    const { input, ctx, ports } = await fenced('active')
    ports.source.answers = true
    const output = await pgPromote.apply(ctx, input, await pgPromote.observe(ctx, input))
    expect(output.timeline).toBe(2)
  })

  test('a server that has not received the recovery point of the run is not promoted', async () => {
    const { input, ctx, standby } = await fenced()
    const state = await pgPromote.observe(ctx, input)
    const ahead = { ...input, recoveryPoint: 'FF/0' }
    await expect(pgPromote.apply(ctx, ahead, state)).rejects.toMatchObject({ code: 'standby-behind' })
    expect(await standby.sql('SELECT pg_is_in_recovery() AS standby')).toEqual([{ standby: true }])
  })

  test('a synchronous standby list that nobody answers does not hold up the epoch', async () => {
    const { input, ctx, standby } = await fenced()
    await standby.sql("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
    await standby.sql('SELECT pg_reload_conf()')
    const output = await pgPromote.apply(ctx, input, await pgPromote.observe(ctx, input))
    expect(output.timeline).toBe(2)
  })
})

/** The same targets, with every database elsewhere: on a port that never answers. */
function silentTargets(targets: Pick<Targets, 'readers' | 'writers'>, port: number) {
  const { readers, writers } = targets
  const { authority, silence } = readers
  return someTargets({
    readers: {
      authority,
      silence,
      database: {
        read: (address, signal, work) => readers.database.read({ ...address, port }, signal, work),
      },
    },
    writers: {
      authority: writers.authority,
      database: {
        write: (address, signal, work) => writers.database.write({ ...address, port }, signal, work),
      },
    },
  })
}
