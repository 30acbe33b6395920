import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { checkReaderRights, excessRights, readerRule } from '#daemon/reader-rights.ts'
import { openFindings } from '#daemon/services/finding.ts'
import { findingStore } from '#finding/store.ts'
import { systemClock } from '#platform/clock.ts'
import { databaseReader } from '#platform/database/client.ts'
import { databasePerTest } from '../support/postgres.ts'
import { startSystemDatabase, type SystemDatabase } from '../support/postgres-pair.ts'
import { silentServer } from '../support/silent-server.ts'

const haetae = databasePerTest()
const never = new AbortController().signal
let system: SystemDatabase

beforeAll(async () => {
  system = await startSystemDatabase()
  await system.primary.sql(`
    CREATE SEQUENCE numbers;
    CREATE ROLE clerk NOINHERIT; CREATE ROLE chief SUPERUSER;
    GRANT INSERT ON transactions TO clerk;
    CREATE SCHEMA payroll;
    CREATE FUNCTION payroll.close_day() RETURNS void LANGUAGE sql SECURITY DEFINER AS 'DELETE FROM transactions'`)
})
afterAll(() => system.stop())

const excess = () => databaseReader(system.databases).read(system.primary, never, excessRights)

describe('what a reader may do besides looking', () => {
  test('is nothing for the role that the manifests make, on the primary and on a standby', async () => {
    expect(await excess()).toEqual([])
    const standby = await system.standby()
    expect(await databaseReader(system.databases).read(standby, never, excessRights)).toEqual([])
  })

  test.each([
    ['ALTER ROLE haetae_reader SUPERUSER', 'ALTER ROLE haetae_reader NOSUPERUSER', ['SUPERUSER']],
    ['ALTER ROLE haetae_reader REPLICATION', 'ALTER ROLE haetae_reader NOREPLICATION', ['REPLICATION']],
    ['GRANT pg_signal_backend TO r', 'REVOKE pg_signal_backend FROM r', ['member of pg_signal_backend']],
    ['GRANT chief TO r', 'REVOKE chief FROM r', ['SUPERUSER']],
    ['GRANT clerk TO r', 'REVOKE clerk FROM r', ['write public.transactions']],
    [
      'GRANT UPDATE (payload) ON transactions TO r',
      'REVOKE ALL ON transactions FROM r',
      ['write public.transactions'],
    ],
    [
      'GRANT USAGE ON SEQUENCE numbers TO r',
      'REVOKE ALL ON SEQUENCE numbers FROM r',
      ['write public.numbers'],
    ],
    [
      'GRANT CREATE ON SCHEMA public TO PUBLIC',
      'REVOKE CREATE ON SCHEMA public FROM PUBLIC',
      ['CREATE in public'],
    ],
    ['GRANT CREATE ON DATABASE app TO r', 'REVOKE CREATE ON DATABASE app FROM r', ['CREATE in the database']],
    [
      'GRANT EXECUTE ON FUNCTION pg_promote TO PUBLIC',
      'REVOKE EXECUTE ON FUNCTION pg_promote FROM PUBLIC',
      ['EXECUTE pg_promote(boolean,integer)'],
    ],
    [
      'GRANT USAGE ON SCHEMA payroll TO r',
      'REVOKE USAGE ON SCHEMA payroll FROM r',
      ['EXECUTE payroll.close_day (SECURITY DEFINER)'],
    ],
  ])('%s: is told', async (grant, revoke, told) => {
    const sql = (text: string) => system.primary.sql(text.replace(/\br\b/, 'haetae_reader'))
    await sql(grant)
    try {
      expect(await excess()).toEqual(told)
    } finally {
      await sql(revoke)
    }
    expect(await excess()).toEqual([])
  })

  test('is all that the writer may, when the writer is the reader', async () => {
    const { writer } = system.databases
    const asWriter = databaseReader({ ...system.databases, reader: writer })
    const rights = await asWriter.read(system.primary, never, excessRights)
    expect(rights).toEqual(
      expect.arrayContaining([
        'EXECUTE pg_promote(boolean,integer)',
        'write public.haetae_authority',
        'write haetae.claims',
      ]),
    )
  })
})

describe('the finding about a reader that may write', () => {
  test('stays open until the right is taken away, and a database that is silent changes nothing', async () => {
    const silent = await silentServer()
    onTestFinished(() => silent.close())
    const findings = findingStore(haetae().pool)
    const warned: unknown[] = []
    const check = (port: number, signal = never) => {
      const components = { database: { name: 'app', endpoints: { gwangju: { host: '127.0.0.1', port } } } }
      const needs = {
        config: { site: 'gwangju' },
        catalogue: { estate: { systems: [{ id: 'GPK', components }, { id: 'HTX' }] } },
        ...{ clock: systemClock, findings, user: 'haetae_reader', reader: databaseReader(system.databases) },
        log: { warn: (facts: unknown) => warned.push(facts), debug: () => undefined },
      }
      return checkReaderRights(needs as unknown as Parameters<typeof checkReaderRights>[0], signal)
    }
    const open = async () =>
      (await findings.list({ rule: readerRule, states: ['open'] })).map((one) => one.message.en)

    await check(system.primary.port)
    expect(await open()).toEqual([])
    await system.primary.sql('GRANT DELETE ON transactions TO haetae_reader')
    await check(system.primary.port)
    expect(await open()).toEqual([expect.stringContaining('more than look: write public.transactions')])
    expect((await openFindings(findings))('GPK')).toMatchObject([{ rule: readerRule, severity: 'warning' }])
    await check(silent.port, AbortSignal.timeout(300))
    await check(system.primary.port)
    expect(await open()).toHaveLength(1)
    expect(warned).toHaveLength(1)
    await system.primary.sql('REVOKE DELETE ON transactions FROM haetae_reader')
    await check(system.primary.port)
    expect(await open()).toEqual([])
  })
})
