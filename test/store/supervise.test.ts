import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { afterEach, describe, expect, test } from 'vitest'
import { systemClock } from '#platform/clock.ts'
import { identityOf } from '#platform/supervise/launch.ts'
import { ownPostgres, ownPostgresConnection } from '#platform/supervise/postgres.ts'
import { processesIn } from '#platform/supervise/process-table.ts'
import { ownRedis } from '#platform/supervise/redis.ts'
import { supervise, type Program, type Supervised } from '#platform/supervise/supervise.ts'
import { serversFolder } from '../support/owned-folder.ts'

/** A child process that supervises as the daemon does, so that it can be killed. */
const keeper = `
  const [folder] = process.argv.slice(1)
  const { ownPostgres } = await import('#platform/supervise/postgres.ts')
  const { ownRedis } = await import('#platform/supervise/redis.ts')
  const { supervise } = await import('#platform/supervise/supervise.ts')
  const { systemClock } = await import('#platform/clock.ts')
  const options = { clock: systemClock, onState: () => undefined }
  const postgres = await supervise(ownPostgres({ folder: folder + '/postgres' }), options)
  const redis = await supervise(ownRedis({ folder: folder + '/redis' }), options)
  await postgres.whenUp(30000)
  await redis.whenUp(30000)
  console.log(JSON.stringify([postgres.state(), redis.state()]))
`

const folders: string[] = []
const supervised: Supervised[] = []

function newFolder(): string {
  const folder = mkdtempSync(join(serversFolder(), 'haetae-supervise-'))
  // The users that the programs run as walk through it.
  chmodSync(folder, 0o711)
  folders.push(folder)
  return folder
}

async function watch(program: Program): Promise<Supervised> {
  const it = await supervise(program, { clock: systemClock, onState: () => undefined })
  supervised.push(it)
  return it
}

async function runKeeper(folder: string): Promise<{ child: ChildProcess; pids: number[] }> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', keeper, folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  const states = JSON.parse(line.toString()) as { pid: number }[]
  return { child, pids: states.map((state) => state.pid) }
}

afterEach(async () => {
  await Promise.all(supervised.splice(0).map((it) => it.stop()))
  for (const folder of folders.splice(0)) {
    for (const name of ['postgres', 'redis']) {
      expect(processesInOrNone(join(folder, name))).toEqual([])
    }
    rmSync(folder, { recursive: true })
  }
})

function processesInOrNone(folder: string): unknown[] {
  try {
    return processesIn(folder)
  } catch {
    return []
  }
}

describe('supervised PostgreSQL and Redis', () => {
  test('survive a supervisor killed with SIGKILL, and the next one adopts them', async () => {
    const folder = newFolder()
    const { child, pids } = await runKeeper(folder)
    child.kill('SIGKILL')
    await once(child, 'exit')
    const postgres = await watch(ownPostgres({ folder: join(folder, 'postgres') }))
    const redis = await watch(ownRedis({ folder: join(folder, 'redis') }))
    await postgres.whenUp(10_000)
    await redis.whenUp(10_000)
    expect([postgres.state().pid, redis.state().pid]).toEqual(pids)
    expect(postgres.state().adopted && redis.state().adopted).toBe(true)
  })

  test('are started again when they are killed, and what was committed is there', async () => {
    const folder = newFolder()
    const postgres = await watch(ownPostgres({ folder: join(folder, 'postgres') }))
    await postgres.whenUp(30_000)
    const pool = new pg.Pool(ownPostgresConnection(join(folder, 'postgres')))
    pool.on('error', () => undefined)
    await pool.query('CREATE TABLE kept (id int); INSERT INTO kept VALUES (7)')
    const first = postgres.state().pid ?? 0
    process.kill(first, 'SIGKILL')
    await expect.poll(() => postgres.state().status).not.toBe('up')
    await postgres.whenUp(30_000)
    expect(postgres.state().pid).not.toBe(first)
    expect((await pool.query('SELECT id FROM kept')).rows).toEqual([{ id: 7 }])
    await pool.end()
  })

  test('are not kept from starting by locks that name a pid which another program has now', async () => {
    const folder = join(newFolder(), 'postgres')
    const before = await watch(ownPostgres({ folder }))
    await before.whenUp(30_000)
    await before.stop()
    // Of the same user: PostgreSQL takes the process of another one for no postmaster.
    const other = spawn('sleep', ['60'], { stdio: 'ignore', ...identityOf('postgres') })
    try {
      const lines = [other.pid, folder, 1, 5432, folder, ''].join('\n')
      for (const name of ['postmaster.pid', '.s.PGSQL.5432.lock']) writeFileSync(join(folder, name), lines)
      const after = await watch(ownPostgres({ folder }))
      await after.whenUp(30_000)
      expect(after.state()).toMatchObject({ status: 'up', adopted: false, restarts: 0 })
    } finally {
      other.kill('SIGKILL')
    }
  })

  test('end with an orderly stop', async () => {
    const folder = newFolder()
    const redis = await watch(ownRedis({ folder: join(folder, 'redis') }))
    await redis.whenUp(10_000)
    await redis.stop()
    expect(processesIn(join(folder, 'redis'))).toEqual([])
    expect(redis.state().status).toBe('stopped')
  })

  test('a missing program is named with where it was looked for', async () => {
    const folder = newFolder()
    await expect(
      watch(ownPostgres({ folder: join(folder, 'postgres'), binDir: '/nowhere' })),
    ).rejects.toMatchObject({ code: 'postgres-missing', where: '/nowhere' })
    await expect(
      watch(ownRedis({ folder: join(folder, 'redis'), binary: '/nowhere' })),
    ).rejects.toMatchObject({
      code: 'redis-missing',
    })
  })

  test('a missing program that is tolerated shows as down with the reason', async () => {
    const folder = newFolder()
    const program = ownRedis({ folder: join(folder, 'redis'), binary: '/nowhere' })
    const redis = await supervise(program, { clock: systemClock, onState: () => undefined }, true)
    await expect.poll(() => redis.state().status).toBe('down')
    expect(redis.state().why).toContain('redis-server')
    await redis.stop()
  })
})
