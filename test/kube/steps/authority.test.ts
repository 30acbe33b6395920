import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { raiseMarks, readMark, writeMark } from '#authority/marker.ts'
import { authorityStore, type AuthorityStore } from '#authority/store.ts'
import { systemClock } from '#platform/clock.ts'
import { dnsReader, dnsWriter } from '#platform/dns/client.ts'
import { kubernetesClient, type KubernetesClient } from '#platform/kubernetes/client.ts'
import { PreconditionRefused, Unreachable } from '#runbook/step-type.ts'
import { answering } from '#steps/answering.ts'
import { authorityAcquire } from '#steps/authority-acquire.ts'
import { authorityAttest } from '#steps/authority-attest.ts'
import { createTargets, type Targets } from '#steps/targets.ts'
import { startCluster, type TestCluster } from '../../support/cluster.ts'
import { startNameServer, type TestNameServer } from '../../support/name-server.ts'
import { databasePerTest } from '../../support/postgres.ts'
import { freePort } from '../../support/processes.ts'
import { testPorts, type TestPorts } from '../../support/ports.ts'
import { conforms } from '../../support/step-conformance.ts'
import { acting, someTargets } from '../../support/step-contexts.ts'

let cluster: TestCluster
let names: TestNameServer
let client: KubernetesClient
const haetae = databasePerTest()
const never = new AbortController().signal
let count = 0

beforeAll(async () => {
  cluster = await startCluster()
  names = await startNameServer()
  client = kubernetesClient(cluster.kubeconfig)
})
afterAll(async () => {
  await client?.close()
  await cluster?.stop()
  await names?.stop()
})

interface Scene {
  store: AuthorityStore
  ports: TestPorts
  targets: Pick<Targets, 'readers' | 'writers'>
  system: string
  name: string
  runId: string
}

/** A system of its own whose home is Daejeon, with epoch 1 in its name. */
async function scene(): Promise<Scene> {
  const store = authorityStore(haetae().pool, systemClock)
  const ports = testPorts()
  const system = `S${++count}`
  const name = `${system.toLowerCase()}.gov.test`
  await store.seed([{ system, site: 'daejeon' }])
  const texts = { kind: 'set' as const, name, type: 'TXT' as const, ttlSeconds: 5, values: ['epoch=1'] }
  await dnsWriter(names.options).update([], [texts], never)
  const targets = someTargets({
    readers: {
      kubernetes: answering(client.reader),
      dns: answering(dnsReader(names.options)),
      authority: store,
      attestations: ports.attestations,
      silence: ports.silence,
    },
    writers: {
      kubernetes: answering(client.writer),
      dns: answering(dnsWriter(names.options)),
      authority: answering(store),
    },
  })
  return { store, ports, targets, system, name, runId: randomUUID() }
}

async function fenced(): Promise<Scene> {
  const made = await scene()
  const { store, runId, system } = made
  const expiresAt = new Date(Date.now() + 600_000).toISOString()
  await store.recordFence({ runId, system, site: 'daejeon', kind: 'attested', proof: {}, expiresAt }, null)
  return made
}

async function rows(table: string): Promise<string[]> {
  const { rows: found } = await haetae().pool.query<{ row: string }>(
    `SELECT t::text AS row FROM ${table} t ORDER BY 1`,
  )
  return found.map(({ row }) => row)
}

describe('authority.acquire', () => {
  conforms(authorityAcquire, async () => {
    const { targets, system, name, runId } = await fenced()
    const cluster0 = (await cluster.written('haetae')).length
    const known = (await rows('authority_epoch')).length
    return {
      input: { system, site: 'gwangju', name },
      targets,
      context: { runId },
      written: async () => [
        ...(await cluster.written('haetae')).slice(cluster0),
        ...(await rows('authority_epoch')).slice(known),
      ],
      output: (output) => expect(output).toEqual({ epoch: 2, site: 'gwangju' }),
      meddle: () => writeMark(client, system, { epoch: 9, site: 'daegu' }, never),
    }
  })

  test('without a fence on record for this run and system nothing is taken', async () => {
    const { targets, system, name, store } = await scene()
    const ctx = acting(targets)
    const input = { system, site: 'gwangju', name }
    const state = await authorityAcquire.observe(ctx, input)
    await expect(authorityAcquire.apply(ctx, input, state)).rejects.toMatchObject({
      code: 'authority-without-fence',
    })
    expect(await store.current(system)).toMatchObject({ epoch: 1, site: 'daejeon' })
    expect(await readMark(client.reader, system, never)).toBeUndefined()
  })

  test('the new epoch is above those that the name server and the cluster know', async () => {
    const { targets, system, name, runId } = await fenced()
    await dnsWriter(names.options).update(
      [],
      [{ kind: 'set', name, type: 'TXT', ttlSeconds: 5, values: ['epoch=5'] }],
      never,
    )
    await writeMark(client, system, { epoch: 7, site: 'daegu' }, never)
    const ctx = acting(targets, { runId })
    const input = { system, site: 'gwangju', name }
    const output = await authorityAcquire.apply(ctx, input, await authorityAcquire.observe(ctx, input))
    expect(output.epoch).toBe(8)
    expect(await readMark(client.reader, system, never)).toEqual({ epoch: 8, site: 'gwangju' })
  })

  test('a daemon that died before the cluster was told goes on with the epoch that it took', async () => {
    const { targets, system, name, runId, store } = await fenced()
    await store.acquire({ runId, system, site: 'gwangju', seenEpoch: 1 })
    const ctx = acting(targets, { runId })
    const input = { system, site: 'gwangju', name }
    const state = await authorityAcquire.observe(ctx, input)
    expect(authorityAcquire.judge(input, state)).toBe('absent')
    expect(await authorityAcquire.apply(ctx, input, state)).toEqual({ epoch: 2, site: 'gwangju' })
    expect(await rows('authority_epoch')).toHaveLength(2)
  })

  test('twelve systems at once all get their mark in the one object', async () => {
    const systems = Array.from({ length: 12 }, (_, at) => `T${at}`)
    await Promise.all(
      systems.map((system) => writeMark(client, system, { epoch: 2, site: 'gwangju' }, never)),
    )
    const marks = await Promise.all(systems.map((system) => readMark(client.reader, system, never)))
    expect(marks).toEqual(systems.map(() => ({ epoch: 2, site: 'gwangju' })))
  })

  test('a daemon that starts raises the marks to what is on record, and lowers none', async () => {
    await writeMark(client, 'R1', { epoch: 4, site: 'daegu' }, never)
    const known = [
      { system: 'R1', epoch: 2, site: 'gwangju' },
      { system: 'R2', epoch: 3, site: 'gwangju' },
    ]
    await raiseMarks(client, known, never)
    const before = await cluster.written('haetae')
    await raiseMarks(client, known, never)
    expect(await cluster.written('haetae')).toEqual(before)
    expect(await readMark(client.reader, 'R1', never)).toEqual({ epoch: 4, site: 'daegu' })
    expect(await readMark(client.reader, 'R2', never)).toEqual({ epoch: 3, site: 'gwangju' })
  })

  test('a newer epoch taken by somebody else after this run is a question for a person', async () => {
    const { targets, system, name, runId } = await fenced()
    const ctx = acting(targets, { runId })
    const input = { system, site: 'gwangju', name }
    await authorityAcquire.apply(ctx, input, await authorityAcquire.observe(ctx, input))
    await writeMark(client, system, { epoch: 3, site: 'daegu' }, never)
    expect(authorityAcquire.judge(input, await authorityAcquire.observe(ctx, input))).toBe('unclear')
  })
})

describe('the targets of a site', () => {
  test('readers have no way to write; both reach the real targets and speak in the words of the runbook', async () => {
    const store = authorityStore(haetae().pool, systemClock)
    const ports = testPorts()
    const targets = createTargets(
      {
        site: 'gwangju',
        kubeconfig: cluster.kubeconfig,
        dns: { ...names.options, port: await freePort(), timeoutMs: 500 },
        databases: { reader: { user: 'haetae_reader' }, writer: { user: 'haetae' } },
        http: {},
        services: [],
      },
      { authority: store, attestations: ports.attestations, silence: ports.silence },
    )
    const { readers, writers } = targets
    expect(Object.keys(readers.kubernetes).sort()).toEqual(['dryRun', 'get', 'list', 'resource', 'server'])
    expect(Object.keys(readers.dns).sort()).toEqual(['lookUp', 'server'])
    expect(Object.keys(readers.database)).toEqual(['read'])
    expect(Object.keys(readers.http)).toEqual(['get'])
    expect(
      Object.keys(readers.authority).filter((name) => /acquire|record|claimPromotion|learn/.test(name)),
    ).toEqual([])
    await readMark(readers.kubernetes, 'any', never)
    await expect(readers.dns.lookUp('any.gov.test', never)).rejects.toBeInstanceOf(Unreachable)
    const object = { kind: 'ConfigMap', metadata: { name: 'twice' } }
    const place = { apiVersion: 'v1', resource: 'configmaps', namespace: 'haetae' }
    await writers.kubernetes.create(place, object, never)
    await expect(writers.kubernetes.create(place, object, never)).rejects.toBeInstanceOf(PreconditionRefused)
    await targets.close()
  })
})

describe('authority.attest', () => {
  const inTenMinutes = () => new Date(Date.now() + 600_000).toISOString()

  async function attested(): Promise<Scene> {
    const made = await scene()
    made.ports.statements.push(
      { id: 'a', principal: 'approver-1', site: 'daejeon', expiresAt: inTenMinutes() },
      { id: 'b', principal: 'approver-2', site: 'daejeon', expiresAt: inTenMinutes() },
    )
    return made
  }

  conforms(authorityAttest, async () => {
    const { targets, system, runId, store } = await attested()
    return {
      input: { system, site: 'daejeon', quorum: 2 },
      targets,
      context: { runId },
      written: async () => {
        const { rows: found } = await haetae().pool.query<{ kind: string }>(
          'SELECT kind, debt, expires_at FROM fence WHERE run_id = $1',
          [runId],
        )
        return found.map((row) => JSON.stringify(row))
      },
      meddle: async () => {
        const fence = {
          runId,
          system,
          site: 'daejeon',
          kind: 'attested' as const,
          proof: {},
          expiresAt: null,
        }
        await store.recordFence(fence, null)
      },
      output: (output) =>
        expect(output).toMatchObject({ kind: 'attested', principals: ['approver-1', 'approver-2'] }),
    }
  })

  test('the fence leaves a debt that is listed until it is closed', async () => {
    const { targets, system, runId, store } = await attested()
    const ctx = acting(targets, { runId })
    const input = { system, site: 'daejeon', quorum: 2 }
    await authorityAttest.apply(ctx, input, await authorityAttest.observe(ctx, input))
    expect(await store.fenceDebts()).toMatchObject([{ runId, system, site: 'daejeon', kind: 'attested' }])
    expect(await store.closeDebt(runId, system, { by: 'an active fence' })).toBe(true)
    expect(await store.fenceDebts()).toEqual([])
    expect(await store.closeDebt(runId, system, { by: 'an active fence' })).toBe(false)
  })

  test.each([
    [
      'one person twice',
      [
        ['approver-1', 'daejeon', 600],
        ['approver-1', 'daejeon', 600],
      ],
    ],
    [
      'another site',
      [
        ['approver-1', 'daejeon', 600],
        ['approver-2', 'gwangju', 600],
      ],
    ],
    [
      'a statement that has run out',
      [
        ['approver-1', 'daejeon', 600],
        ['approver-2', 'daejeon', -1],
      ],
    ],
    ['nobody', []],
  ] as const)('%s is not enough', async (_what, statements) => {
    const { targets, system, runId, ports, store } = await scene()
    for (const [principal, site, seconds] of statements) {
      const expiresAt = new Date(Date.now() + seconds * 1000).toISOString()
      ports.statements.push({ id: randomUUID(), principal, site, expiresAt })
    }
    const ctx = acting(targets, { runId })
    const input = { system, site: 'daejeon', quorum: 2 }
    const state = await authorityAttest.observe(ctx, input)
    await expect(authorityAttest.apply(ctx, input, state)).rejects.toMatchObject({
      code: 'attestation-missing',
    })
    expect(await store.fence(runId, system)).toBeUndefined()
  })

  test('two are not enough where policy asks for three, whatever the runbook says', async () => {
    const { targets, system, runId, ports, store } = await attested()
    ports.policy.people = 3
    const ctx = acting(targets, { runId })
    const input = { system, site: 'daejeon', quorum: 2 }
    const attest = async () => authorityAttest.apply(ctx, input, await authorityAttest.observe(ctx, input))
    await expect(attest()).rejects.toMatchObject({
      code: 'attestation-missing',
      why: '2 of 3 people have a valid statement: approver-1, approver-2',
    })
    expect(await store.fence(runId, system)).toBeUndefined()
    const soon = new Date(Date.now() + 60_000).toISOString()
    ports.statements.push({ id: 'c', principal: 'sre-1', site: 'daejeon', expiresAt: soon })
    expect(await attest()).toMatchObject({ kind: 'attested', expiresAt: soon })
  })

  test('a source that answers is not fenced by word of mouth', async () => {
    const { targets, system, runId, ports, store } = await attested()
    ports.source.answers = true
    const ctx = acting(targets, { runId })
    const input = { system, site: 'daejeon', quorum: 2 }
    const state = await authorityAttest.observe(ctx, input)
    await expect(authorityAttest.apply(ctx, input, state)).rejects.toMatchObject({
      code: 'source-answers',
      why: 'peer: it answered 200',
    })
    expect(await store.fence(runId, system)).toBeUndefined()
  })

  test('the fence runs out when the second of two words does, and then has to be given again', async () => {
    const { targets, system, runId, ports } = await scene()
    const soon = new Date(Date.now() + 60_000).toISOString()
    ports.statements.push(
      { id: 'a', principal: 'approver-1', site: 'daejeon', expiresAt: soon },
      { id: 'b', principal: 'approver-2', site: 'daejeon', expiresAt: inTenMinutes() },
    )
    const ctx = acting(targets, { runId })
    const input = { system, site: 'daejeon', quorum: 2 }
    const output = await authorityAttest.apply(ctx, input, await authorityAttest.observe(ctx, input))
    expect(output.expiresAt).toBe(soon)
    expect(authorityAttest.judge(input, await authorityAttest.observe(ctx, input))).toBe('holds')
    const then = { ...ctx, clock: { ...systemClock, now: () => Date.parse(soon) + 1 } }
    expect(authorityAttest.judge(input, await authorityAttest.observe(then, input))).toBe('absent')
  })
})
