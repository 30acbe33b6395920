import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { authorityStore } from '#authority/store.ts'
import { lossFrom, standbyLook, type LossParts } from '#daemon/loss.ts'
import { planObserver } from '#daemon/observer.ts'
import type { Estate } from '#estate/estate.ts'
import { loadEstate } from '#estate/load.ts'
import { systemClock } from '#platform/clock.ts'
import { databaseReader } from '#platform/database/client.ts'
import { planFailover } from '#plan/failover.ts'
import type { Plan } from '#plan/plan.ts'
import { readRunbook } from '#runbook/load.ts'
import type { Runbook } from '#runbook/runbook.ts'
import { stepTypes } from '#steps/index.ts'
import { createTargets, type Targets } from '#steps/targets.ts'
import { startCluster, type TestCluster } from '../support/cluster.ts'
import { startNameServer, type TestNameServer } from '../support/name-server.ts'
import { testPorts } from '../support/ports.ts'
import { databasePerTest } from '../support/postgres.ts'
import {
  acts,
  caughtUp,
  startSystemDatabase,
  type SystemDatabase,
  type SystemServer,
} from '../support/postgres-pair.ts'
import { silentServer, type SilentServer } from '../support/silent-server.ts'

/*
 * A whole plan against a real API server, name server and standby: what it shows, and that nothing was written, by
 * their own records.
 */

const root = new URL('../../', import.meta.url)
const pathOf = (name: string) => new URL(name, root).pathname
const haetae = databasePerTest()
const never = new AbortController().signal
const heartbeat = '2026-03-01T00:00:10.000Z'
const log = { warn: () => undefined } as unknown as Parameters<typeof planObserver>[0]['log']
let cluster: TestCluster
let names: TestNameServer
let system: SystemDatabase
let standby: SystemServer
let silent: SilentServer
let runbook: Runbook
const opened: Targets[] = []

beforeAll(async () => {
  cluster = await startCluster()
  await cluster.system('gpk', { web: 0 })
  names = await startNameServer(['gpk 5 IN A 10.71.1.11', 'gpk 5 IN TXT "epoch=1"'])
  system = await startSystemDatabase()
  await system.primary.sql("INSERT INTO haetae_authority (epoch, site) VALUES (1, 'daejeon')")
  await system.primary.sql(`INSERT INTO heartbeat VALUES ('daejeon', '${heartbeat}')`)
  standby = await system.standby()
  silent = await silentServer()
  const file = pathOf('runbooks/failover-postgres-web.yaml')
  const sites = ['daejeon', 'gwangju']
  runbook = readRunbook(await readFile(file, 'utf8'), file, { stepTypes, sites }).runbook as Runbook
})
afterAll(async () => {
  for (const targets of opened) await targets.close()
  await Promise.all([cluster?.stop(), names?.stop(), system?.stop(), silent?.close()])
})

/** The estate whose GPK has its standby at that port. */
async function estateAt(port: number): Promise<Estate> {
  const estate = structuredClone(await loadEstate([pathOf('estate/estate.yaml'), pathOf('estate/lab.yaml')]))
  const endpoint = estate.systems.find(({ id }) => id === 'GPK')?.components?.database?.endpoints['gwangju']
  Object.assign(endpoint ?? {}, { host: '127.0.0.1', port })
  return estate
}

interface Scene {
  plan: Plan
  observe(): Promise<Plan>
  loss: LossParts
}

/** A failover of GPK alone, and what looks at the world for it. */
async function scene(port: number, sourceHeartbeat?: string): Promise<Scene> {
  const estate = await estateAt(port)
  const store = authorityStore(haetae().pool, systemClock)
  await store.seed([{ system: 'GPK', site: 'daejeon' }])
  const { attestations, silence } = testPorts()
  const targets = createTargets(
    {
      site: 'gwangju',
      kubeconfig: cluster.kubeconfig,
      dns: names.options,
      databases: system.databases,
      http: {},
      services: [],
    },
    { authority: store, attestations, silence },
  )
  opened.push(targets)
  const catalogue = { systems: new Map(estate.systems.map((one) => [one.id, one])) }
  const loss: LossParts = {
    clock: systemClock,
    sourceHeartbeat: () => (sourceHeartbeat === undefined ? undefined : Date.parse(sourceHeartbeat) / 1000),
    standby: standbyLook(catalogue, 'gwangju', () => databaseReader(system.databases)),
  }
  const plan = planFailover({
    estate,
    runbooks: new Map([['failover-postgres-web', runbook]]),
    stepTypes,
    world: { active: () => ({ site: 'daejeon', epoch: 1 }) },
    fromSite: 'daejeon',
    toSite: 'gwangju',
    systems: ['GPK'],
    now: Date.now(),
  })
  const execution = { readers: () => targets.readers, loss }
  const { observe } = planObserver({
    ...{ config: { site: 'gwangju' }, pool: haetae().pool, clock: systemClock, log, execution },
  })
  return { plan, loss, observe: () => observe(plan) }
}

/** What each target says was written, and what is there, in its own words. */
async function records(): Promise<unknown> {
  const { pool } = haetae()
  const tables = ['authority_epoch', 'fence', 'promotion_claim', 'ledger_entry', 'ledger_pending']
  const counts = tables.map(async (table) => (await pool.query(`SELECT FROM ${table}`)).rowCount)
  return {
    cluster: [...(await cluster.written('gpk')), ...(await cluster.written('haetae'))],
    web: await cluster.plane.kubectl([
      '-n',
      'gpk',
      'get',
      'deployment',
      'web',
      '-o',
      'yaml',
      '--show-managed-fields',
    ]),
    serial: await names.serial(),
    database: await acts(standby),
    recovery: await standby.sql('SELECT pg_is_in_recovery()'),
    own: await Promise.all(counts),
  }
}

describe('a plan against real targets', () => {
  test('shows every change with before and after, and writes nothing by the record of each target', async () => {
    const { observe, plan } = await scene(standby.port, heartbeat)
    const before = await records()
    const { observed, digest } = await observe()
    expect(await records()).toEqual(before)
    expect(digest).toBe(plan.digest)
    const here = { site: 'gwangju' }
    expect(observed.changes).toMatchObject({
      'GPK/fence': [{ certainty: 'exact', before: null, after: 'attested' }],
      'GPK/standby': [],
      'GPK/acquire': [
        {
          certainty: 'predicted',
          before: { epoch: 1, site: 'daejeon' },
          after: { epoch: 2, site: 'gwangju' },
        },
        { certainty: 'predicted' },
      ],
      'GPK/promote': [
        {
          ...here,
          certainty: 'predicted',
          before: { role: 'standby', timeline: 1, epoch: 1 },
          after: { role: 'primary', timeline: 2, epoch: 2 },
        },
      ],
      'GPK/start': [{ ...here, certainty: 'exact', before: { replicas: 0 }, after: { replicas: 1 } }],
      'GPK/ready': [],
      'GPK/traffic': [
        {
          certainty: 'predicted',
          before: { addresses: ['10.71.1.11'], texts: ['epoch=1'] },
          after: { addresses: ['10.72.1.11'], texts: ['epoch=2'] },
        },
      ],
    })
    expect(observed.forecast?.loss['GPK']).toMatchObject({ seconds: 0, atMost: false })
    expect(observed.forecast?.duration).toMatchObject({
      measured: {},
      criticalPath: expect.arrayContaining(['GPK/promote']) as string[],
    })
  })

  test('with a standby that never answers is a plan: that is opaque with why, what needs it too, the rest is exact', async () => {
    const { observe } = await scene(silent.port, heartbeat)
    const { observed } = await observe()
    const changes = observed.changes
    expect(changes['GPK/standby']).toMatchObject([{ certainty: 'opaque', site: 'gwangju' }])
    expect(changes['GPK/promote']).toMatchObject([
      { certainty: 'opaque', why: { en: expect.stringContaining('GPK/standby') as string } },
    ])
    expect(changes['GPK/start']).toMatchObject([{ certainty: 'exact' }])
    expect(changes['GPK/traffic']).toMatchObject([{ certainty: 'predicted' }])
    const loss = observed.forecast?.loss['GPK']
    expect(loss).toMatchObject({ seconds: null, sourceHeartbeatAt: heartbeat })
    expect(loss?.why.en).toContain('its standby cannot be seen')
  })
})

describe('what a promotion would lose, by a real standby', () => {
  test('is what its source had and it has not; while it replays, that is only the most', async () => {
    const { loss } = await scene(standby.port)
    const seen = Date.parse(heartbeat) / 1000 + 90
    const look = async () => lossFrom(seen, await loss.standby('GPK', never))
    expect(await look()).toMatchObject({ seconds: 90, atMost: false })
    await standby.sql('SELECT pg_wal_replay_pause()')
    await system.primary.sql(`UPDATE heartbeat SET at = to_timestamp(${seen})`)
    await expect.poll(look).toMatchObject({ seconds: 90, atMost: true })
    await standby.sql('SELECT pg_wal_replay_resume()')
    await caughtUp(system.primary, standby)
    expect(await look()).toMatchObject({ seconds: 0, atMost: false })
  })

  test('cannot be told of a source that was never seen, of no standby, and of a server that does not answer', async () => {
    const { loss } = await scene(standby.port)
    expect(lossFrom(undefined, await loss.standby('GPK', never))).toMatchObject({ seconds: null })
    const primary = (await scene(system.primary.port)).loss
    expect(lossFrom(1, await primary.standby('GPK', never))).toMatchObject({ seconds: null })
    const away = (await scene(silent.port)).loss
    await expect(away.standby('GPK', AbortSignal.timeout(300))).rejects.toThrow('did not answer')
    expect(await loss.standby('NONE', never)).toBeUndefined()
  })
})
