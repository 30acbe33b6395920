import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { authorityStore } from '#authority/store.ts'
import { assumptionChecks } from '#daemon/assumptions.ts'
import type { StandbySight } from '#daemon/loss.ts'
import { createEngine } from '#engine/engine.ts'
import { postgresJournal } from '#engine/journal/postgres.ts'
import { digestOf } from '#model/digest.ts'
import { systemClock } from '#platform/clock.ts'
import type { Assumption, Plan } from '#plan/plan.ts'
import { gate, limits, node, planOf } from '../../sim/world/plans.ts'
import { SimProcess } from '../../sim/world/process.ts'
import { simType } from '../../sim/world/types.ts'
import { World } from '../../sim/world/world.ts'
import { testPorts } from '../../support/ports.ts'
import { databasePerTest } from '../../support/postgres.ts'

/*
 * Each assumption of an approved plan is broken while the run is on its way to its point of no return: the engine, the
 * journal, the authorities and the checks are the daemon's own; what answers outside is the test's.
 */

const database = databasePerTest()
const silentLog = { info() {}, warn() {}, error() {} }
const metrics = { attemptEnded() {}, nodeEnded() {}, runEnded() {}, termLost() {} }
const statement = { ko: '', en: '' }
const lastSeen = Date.parse('2026-11-24T05:30:00Z') / 1000
const inTenMinutes = () => new Date(Date.now() + 600_000).toISOString()

const assumptions: Assumption[] = [
  { kind: 'source-silent', subject: 'daejeon', statement, bound: { site: 'daejeon' } },
  { kind: 'fence', subject: 'daejeon', statement, bound: { kind: 'attested', site: 'daejeon' } },
  { kind: 'active-site', subject: 'GPK', statement, bound: { site: 'daejeon', epoch: 1 } },
  { kind: 'recovery-point', subject: 'GPK', statement, bound: { site: 'gwangju', host: 'db', port: 1 } },
  { kind: 'loss-bound', subject: 'GPK', statement, bound: { seconds: 300 } },
]

function failover(): Plan {
  const plan = planOf([
    gate('approve'),
    node('GPK/take', 'test.take', ['approve']),
    node('GPK/hold', 'test.hold', ['GPK/take']),
    node('GPK/promote', 'pg.promote', ['GPK/hold'], { limits: { ...limits, retryMax: 1, attemptMs: 2_000 } }),
  ])
  const subject = { ...plan.subject, assumptions }
  return { ...plan, subject, digest: digestOf(subject) }
}

interface Outside {
  source: { answers: boolean }
  sight: StandbySight | 'away'
  /** Renews the fence of the run, to end then. */
  fenceUntil(expiresAt: string): Promise<void>
}

/** A run that has taken authority and stands before its promotion until `go`. */
async function onItsWay() {
  const { pool } = database()
  const store = authorityStore(pool, systemClock)
  const { silence, source } = testPorts()
  const runId = randomUUID()
  const fence = { runId, system: 'GPK', site: 'daejeon', kind: 'attested' as const, proof: {} }
  const outside: Outside = {
    source,
    sight: { standby: true, replayed: true, heartbeatAt: lastSeen },
    async fenceUntil(expiresAt) {
      const { recordedAt = null } = (await store.fence(runId, 'GPK')) ?? {}
      await store.recordFence({ ...fence, expiresAt }, recordedAt)
    },
  }
  const go = Promise.withResolvers<void>()
  const arrived = Promise.withResolvers<void>()
  const world = new World(systemClock)
  const process = new SimProcess('d', 'd/1', () => {})
  const taking = simType('test.take', 'idempotent', {
    apply: async () => {
      await outside.fenceUntil(inTenMinutes())
      await store.acquire({ runId, system: 'GPK', site: 'gwangju', seenEpoch: 1 })
      return { version: 1 }
    },
  })
  const holding = simType('test.hold', 'idempotent', {
    apply: async () => {
      arrived.resolve()
      await go.promise
      return { version: 1 }
    },
  })
  const promoted: string[] = []
  const promote = simType('pg.promote', 'point-of-no-return', {
    needsAuthority: true,
    apply: async (ctx) => {
      promoted.push(ctx.nodeId)
      return { version: 1 }
    },
  })
  await store.seed([{ system: 'GPK', site: 'daejeon' }])
  const targets = { world, process }
  const engine = createEngine({
    journal: postgresJournal({ pool, clock: systemClock }),
    stepTypes: new Map([taking, holding, promote].map((type) => [type.type, type])),
    contexts: { readers: () => targets, writers: () => targets },
    approvals: { at: async () => ({ granted: ['approver-1', 'approver-2'], rejected: [] }) },
    assumptions: assumptionChecks({
      ...{ authority: store, silence, clock: systemClock, replanned: async () => undefined },
      sourceHeartbeat: () => lastSeen,
      standby: async () => {
        if (outside.sight === 'away') throw new Error('the standby did not answer')
        return outside.sight
      },
    }),
    authority: store,
    resolve: (each) => each.with,
    clock: systemClock,
    log: silentLog,
    metrics,
    holder: { daemon: 'd', incarnation: process.incarnation },
  })
  await engine.start({ id: runId, plan: failover(), requester: 'operator-1', reason: 'power lost' })
  await arrived.promise
  const view = () => engine.runs.getRun(runId)
  return { engine, runId, outside, promoted, view, go: () => go.resolve() }
}

const set = (change: (outside: Outside) => void) => async (outside: Outside) => change(outside)
const standby = { standby: true, replayed: true, heartbeatAt: lastSeen }

test.each<[string, string, (outside: Outside) => Promise<void>, (outside: Outside) => Promise<void>]>([
  [
    'the source answers',
    'source-silent',
    set(({ source }) => (source.answers = true)),
    set(({ source }) => (source.answers = false)),
  ],
  [
    'the fence runs out',
    'fence',
    ({ fenceUntil }) => fenceUntil('2026-01-01T00:00:00.000Z'),
    ({ fenceUntil }) => fenceUntil(inTenMinutes()),
  ],
  [
    'the standby was promoted by hand',
    'recovery-point',
    set((outside) => (outside.sight = { ...standby, standby: false })),
    set((outside) => (outside.sight = standby)),
  ],
  [
    'more would be lost than agreed to',
    'loss-bound',
    set((outside) => (outside.sight = { ...standby, heartbeatAt: lastSeen - 301 })),
    set((outside) => (outside.sight = { ...standby, heartbeatAt: lastSeen - 299 })),
  ],
])(
  '%s between approval and promotion: nothing is promoted before a person has decided',
  async (_what, kind, breakIt, mend) => {
    const { engine, runId, outside, promoted, view, go } = await onItsWay()
    await breakIt(outside)
    go()
    const asked = async () => (await view()).nodes.get('GPK/promote')?.question
    await expect.poll(asked).toMatchObject({ reason: 'assumption', choices: ['retry', 'fail'] })
    const broken = (await asked())?.facts['broken'] as unknown as { assumption: Assumption }[]
    expect(broken.map(({ assumption }) => assumption.kind)).toContain(kind)
    expect(promoted).toEqual([])
    await mend(outside)
    await engine.decide(runId, 'GPK/promote', 'retry', 'operator-1', 'looked at it')
    await expect.poll(async () => (await view()).state).toBe('succeeded')
    expect(promoted).toEqual(['GPK/promote'])
    await engine.stop()
  },
)

test('a standby that does not answer does not pass the loss bound: it is looked at again, then a person is asked', async () => {
  const { engine, runId, outside, promoted, view, go } = await onItsWay()
  outside.sight = 'away'
  go()
  const asked = async () => (await view()).nodes.get('GPK/promote')
  await expect.poll(async () => (await asked())?.question).toMatchObject({ reason: 'exhausted' })
  expect((await asked())?.attempts.map(({ failure }) => failure?.message)).toEqual([
    'the standby did not answer',
    'the standby did not answer',
  ])
  expect(promoted).toEqual([])
  outside.sight = standby
  await engine.decide(runId, 'GPK/promote', 'retry', 'operator-1', 'the way is repaired')
  await expect.poll(async () => (await view()).state).toBe('succeeded')
  await engine.stop()
})
