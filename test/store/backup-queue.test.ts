import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, test } from 'vitest'
import type { CopyFacts, Source } from '#backup/backup.ts'
import { backupLog } from '#backup/log.ts'
import { backupQueue, type BackupQueue, type RedisAddress } from '#backup/queue.ts'
import type { BaseBackupOptions } from '#backup/tools/pg-basebackup.ts'
import { workOnSlot, type WorkerParts } from '#backup/worker.ts'
import { systemClock } from '#platform/clock.ts'
import { ownRedis, ownRedisSocket } from '#platform/supervise/redis.ts'
import { supervise, type Supervised } from '#platform/supervise/supervise.ts'
import { slotStore } from '#schedule/slots.ts'
import { serversFolder } from '../support/owned-folder.ts'
import { databasePerTest } from '../support/postgres.ts'
import { freshRedis } from '../support/redis.ts'

const database = databasePerTest()
const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

const source: Source = { system: 'GPK', site: 'daejeon', host: '10.71.2.11', port: 5432, database: 'app' }

/** A site's backups with a tool that only counts: what is tested is who works on what, how often. */
function site(redis: RedisAddress, take: WorkerParts['take'] = async (options) => copyOf(options)) {
  const { pool } = database()
  const slots = slotStore(pool)
  const log = backupLog(pool)
  const taken: string[] = []
  const parts: WorkerParts = {
    clock: systemClock,
    slots,
    log,
    site: 'gwangju',
    folder: '/nowhere',
    access: { user: 'replicator', passwordFile: '/nowhere', caFile: undefined },
    by: { daemon: 'haetae-gwangju', incarnation: '1' },
    sourceOf: (system) => (system.startsWith('X') ? undefined : { ...source, system }),
    attemptsAtMost: 3,
    retryBaseMs: 1,
    atWork: new Set(),
    take: async (options) => {
      taken.push(options.source.system)
      return (take as NonNullable<typeof take>)(options)
    },
  }
  const troubles: (string | undefined)[] = []
  const stopping = new AbortController()
  const queue = backupQueue({
    redis,
    concurrency: 2,
    work: (slotId) => workOnSlot(parts, slotId, stopping.signal),
    onTrouble: (why) => troubles.push(why),
  })
  closers.push(() => queue.close())
  const add = (system: string) =>
    slots.add({ policy: 'first-copy', subject: system, dueAt: Date.now() - 1_000, askedBy: 'test' })
  const dispatch = async () => queue.dispatch(await slots.due(Date.now(), 100))
  const outcomes = async () =>
    (await log.attempts({ limit: 100 })).map(({ system, outcome }) => `${system} ${outcome}`).sort()
  return { parts, slots, log, queue, taken, troubles, stopping, add, dispatch, outcomes }
}

let copies = 0
function copyOf({ folder }: BaseBackupOptions): CopyFacts {
  copies += 1
  return {
    folder: `${folder}-${copies}`,
    bytes: 1_000,
    digest: 'sha256:00',
    recoveryPoint: '2026-11-24T06:00:00.000Z',
    position: '0/5000000',
    verified: true,
    excluded: [],
  }
}

async function connected(queue: BackupQueue): Promise<void> {
  await expect.poll(() => queue.connected()).toBe(true)
}

describe('backups through BullMQ', () => {
  test('a due slot is worked on once, although it is dispatched again and again', async () => {
    await using redis = await freshRedis()
    const it = site(redis.options)
    await connected(it.queue)
    await it.add('GPK')
    await it.add('AID')
    for (let n = 0; n < 5; n++) await it.dispatch()
    await expect.poll(it.outcomes).toEqual(['AID succeeded', 'GPK succeeded'])
    for (let n = 0; n < 3; n++) await it.dispatch()
    await sleep(200)
    expect(it.taken.sort()).toEqual(['AID', 'GPK'])
    expect(await it.log.copies({ limit: 10 })).toHaveLength(2)
    await closeAll()
  })

  test('a Redis that was emptied loses nothing and runs nothing twice', async () => {
    await using redis = await freshRedis()
    let release: () => void = () => undefined
    const held = new Promise<void>((done) => (release = done))
    const it = site(redis.options, async (options) => {
      if (options.source.system === 'GPK') await held
      return copyOf(options)
    })
    await connected(it.queue)
    await it.add('GPK')
    await it.dispatch()
    await expect.poll(() => it.taken).toEqual(['GPK'])
    await it.add('AID')
    await redis.client.flushdb()
    await it.dispatch()
    await expect.poll(it.outcomes).toEqual(['AID succeeded', 'GPK running'])
    await it.dispatch()
    release()
    await expect.poll(it.outcomes).toEqual(['AID succeeded', 'GPK succeeded'])
    expect(it.taken).toEqual(['GPK', 'AID'])
    await closeAll()
  })

  test('a failure is tried again with its history kept, and given up after the last attempt', async () => {
    await using redis = await freshRedis()
    const it = site(redis.options, async () => {
      throw new Error('pg_basebackup: no space left on device')
    })
    await connected(it.queue)
    const slot = await it.add('GPK')
    await expect
      .poll(async () => {
        await it.dispatch()
        return it.outcomes()
      })
      .toEqual(['GPK failed', 'GPK failed', 'GPK failed'])
    expect(await it.slots.get(slot?.id ?? '')).toMatchObject({ state: 'done', attempts: 3 })
    expect((await it.log.attempts({ limit: 1 }))[0]?.message?.en).toContain('no space left')
    await closeAll()
  })

  test('an end that PostgreSQL did not take leaves neither slot nor attempt behind for ever', async () => {
    await using redis = await freshRedis()
    const it = site(redis.options)
    const { id = '' } = (await it.add('GPK')) ?? {}
    const away: WorkerParts = {
      ...it.parts,
      log: { ...it.log, end: () => Promise.reject(new Error('terminating connection')) },
    }
    await expect(workOnSlot(away, id, it.stopping.signal)).rejects.toThrow('terminating connection')
    const later = Date.now() + 61_000
    const left = await it.slots.reopen(it.parts.by, later, it.parts.atWork)
    expect(left.map((slot) => slot.id)).toEqual([id])
    await it.log.endAbandoned(later, 'haetae-gwangju', [id])
    expect(await workOnSlot(it.parts, id, it.stopping.signal)).toBe('succeeded')
    expect(await it.outcomes()).toEqual(['GPK failed', 'GPK succeeded'])
    await closeAll()
  })

  test('one bad system does not hold up the rest', async () => {
    await using redis = await freshRedis()
    const it = site(redis.options, async (options) => {
      if (options.source.system === 'BAD') await sleep(100_000, undefined, { signal: options.signal })
      return copyOf(options)
    })
    await connected(it.queue)
    for (const system of ['BAD', 'AID', 'GPK', 'EPP']) await it.add(system)
    await it.dispatch()
    await expect.poll(it.outcomes).toEqual(['AID succeeded', 'BAD running', 'EPP succeeded', 'GPK succeeded'])
    it.stopping.abort()
    await expect.poll(it.outcomes).toContain('BAD canceled')
    expect(await it.slots.due(Date.now(), 10)).toMatchObject([{ subject: 'BAD' }])
    await closeAll()
  })

  test('a system that moved here meanwhile is canceled with the reason', async () => {
    await using redis = await freshRedis()
    const it = site(redis.options)
    await connected(it.queue)
    await it.add('XYZ')
    await it.dispatch()
    await expect.poll(it.outcomes).toEqual(['XYZ canceled'])
    expect(it.taken).toEqual([])
    await closeAll()
  })

  test('Redis that is missing, comes, is killed and comes back only makes backups wait', async () => {
    const folder = mkdtempSync(join(serversFolder(), 'haetae-redis-'))
    chmodSync(folder, 0o711)
    closers.push(async () => rmSync(folder, { recursive: true }))
    const it = site({ path: ownRedisSocket(join(folder, 'redis')) })
    await it.add('GPK')
    await expect(it.dispatch()).rejects.toThrow(/Redis/)
    await expect(it.queue.dispatch([]), 'known before something is due').rejects.toThrow(/Redis/)
    await expect.poll(() => it.troubles.length).toBeGreaterThan(0)
    const redis = await start(folder)
    await connected(it.queue)
    await it.dispatch()
    await expect.poll(it.outcomes).toEqual(['GPK succeeded'])
    process.kill(redis.state().pid ?? 0, 'SIGKILL')
    await expect.poll(() => redis.state().status).toBe('down')
    await redis.whenUp(10_000)
    await it.add('AID')
    await expect
      .poll(async () => {
        await it.dispatch().catch(() => undefined)
        return it.outcomes()
      })
      .toEqual(['AID succeeded', 'GPK succeeded'])
    expect(it.taken).toEqual(['GPK', 'AID'])
  })
})

async function start(folder: string): Promise<Supervised> {
  const redis = await supervise(ownRedis({ folder: join(folder, 'redis') }), {
    clock: systemClock,
    onState: () => undefined,
  })
  closers.push(() => redis.stop())
  await redis.whenUp(10_000)
  return redis
}

/** Before the fresh Redis is dropped, which looks for clients that were left. */
async function closeAll(): Promise<void> {
  for (const close of closers.splice(0).reverse()) await close()
}
