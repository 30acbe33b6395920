import { appendFileSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { execFileSync } from 'node:child_process'
import { afterEach, beforeEach, describe, expect, inject, test } from 'vitest'
import type { Source } from '#backup/backup.ts'
import { backupLog } from '#backup/log.ts'
import { pruneCopies } from '#backup/prune.ts'
import { endStrayTools } from '#backup/stray.ts'
import { takeBaseBackup } from '#backup/tools/pg-basebackup.ts'
import type { ReplicationAccess } from '#backup/tools/source.ts'
import { walSlotOf } from '#backup/tools/wal-stream.ts'
import { folderOf, WalStreams } from '#backup/wal-streams.ts'
import { systemClock } from '#platform/clock.ts'
import { serversFolder } from '../support/owned-folder.ts'
import { databasePerTest, postgresBinaries } from '../support/postgres.ts'

const database = databasePerTest()
let folder: string
let access: ReplicationAccess

beforeEach(() => {
  folder = mkdtempSync(join(serversFolder(), 'haetae-backup-'))
  const passwordFile = join(folder, 'password')
  writeFileSync(passwordFile, `${inject('postgres').password}\n`)
  access = { user: inject('postgres').user, passwordFile, caFile: undefined }
})
afterEach(() => rmSync(folder, { recursive: true }))

function sourceHere(): Source {
  const { host, port } = inject('postgres')
  return { system: 'GPK', site: 'daejeon', host, port, database: database().name }
}

const never = new AbortController().signal

describe('pg_basebackup', () => {
  test('takes a whole copy, verified, with its moment, position and digest', async () => {
    const target = join(folder, 'GPK', 'base', 'one')
    const shares: number[] = []
    const copy = await takeBaseBackup({
      source: sourceHere(),
      access,
      folder: target,
      signal: never,
      onProgress: (share) => shares.push(share),
    })
    expect(copy).toMatchObject({ folder: target, verified: true, excluded: [] })
    expect(copy.bytes).toBeGreaterThan(1_000_000)
    expect(copy.position).toMatch(/^[0-9A-F]+\/[0-9A-F]+$/)
    expect(copy.digest).toMatch(/^sha256:[0-9a-f]{64}$/)
    expect(Math.abs(Date.now() - Date.parse(copy.recoveryPoint))).toBeLessThan(60_000)
    expect(shares.at(-1)).toBe(1)
    execFileSync(join(postgresBinaries(), 'pg_verifybackup'), ['-e', target])
    appendFileSync(join(target, 'PG_VERSION'), 'x')
    expect(() =>
      execFileSync(join(postgresBinaries(), 'pg_verifybackup'), ['-e', target], { stdio: 'ignore' }),
    ).toThrow('Command failed')
  })

  test('a source that is not there, and a wrong password, say so and leave nothing', async () => {
    const target = join(folder, 'GPK', 'base', 'one')
    const source = sourceHere()
    await expect(
      takeBaseBackup({ source: { ...source, port: 1 }, access, folder: target, signal: never }),
    ).rejects.toThrow(/pg_basebackup: .*refused/)
    writeFileSync(access.passwordFile, 'wrong')
    await expect(takeBaseBackup({ source, access, folder: target, signal: never })).rejects.toThrow(
      /password authentication failed/,
    )
    expect(readdirSync(join(folder, 'GPK', 'base'))).toEqual([])
  })

  test('a canceled copy ends at once and leaves nothing', async () => {
    const target = join(folder, 'GPK', 'base', 'one')
    const cancel = new AbortController()
    const taking = takeBaseBackup({ source: sourceHere(), access, folder: target, signal: cancel.signal })
    cancel.abort(new Error('enough'))
    await expect(taking).rejects.toThrow('enough')
    expect(existsSync(`${target}.partial`)).toBe(false)
  })

  test('a missing program is an error of the catalogue', async () => {
    const nowhere = { ...access, binDir: '/nowhere' }
    await expect(
      takeBaseBackup({ source: sourceHere(), access: nowhere, folder: join(folder, 'x'), signal: never }),
    ).rejects.toMatchObject({ code: 'backup-tool-missing', where: '/nowhere' })
  })
})

describe('WAL streams', () => {
  function streamsOver(problems: string[]) {
    const log = backupLog(database().pool)
    const streams = new WalStreams({
      clock: systemClock,
      log,
      site: 'gwangju',
      folder,
      access,
      askEveryMs: 200,
      positionOf: async (_source, slot) => {
        const { rows } = await database().pool.query<{ position: string | null }>(
          'SELECT write_lsn::text AS position FROM pg_stat_replication WHERE application_name = $1',
          [slot],
        )
        const position = rows[0]?.position
        if (position === undefined || position === null) return undefined
        return { position, lagBytes: 0, lagSeconds: 0, recoveryPoint: new Date().toISOString() }
      },
      logger: { warn: (fields) => problems.push(JSON.stringify(fields)), info: () => undefined },
    })
    return { streams, log }
  }

  async function dropSlot(): Promise<void> {
    const slot = walSlotOf('gwangju')
    await expect
      .poll(async () => {
        await database().pool.query(
          'SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = $1 AND NOT active',
          [slot],
        )
        const left = await database().pool.query('SELECT 1 FROM pg_replication_slots WHERE slot_name = $1', [
          slot,
        ])
        return left.rowCount
      })
      .toBe(0)
  }

  test('what is committed at the source arrives here, a cut connection is made again and is in the log', async () => {
    const problems: string[] = []
    const { streams, log } = streamsOver(problems)
    const { pool } = database()
    try {
      const source = sourceHere()
      await streams.reconcile([source])
      await expect.poll(() => streams.states()[0]?.up).toBeDefined()
      await pool.query('CREATE TABLE written (n int); SELECT pg_switch_wal()')
      await expect
        .poll(() => readdirSync(folderOf(folder, source)).filter((name) => name.length === 24).length)
        .toBeGreaterThan(0)
      await expect.poll(async () => (await log.copies({ limit: 5 }))[0]?.position).toBeDefined()
      await pool.query(
        'SELECT pg_terminate_backend(pid) FROM pg_stat_replication WHERE application_name = $1',
        [walSlotOf('gwangju')],
      )
      await expect
        .poll(async () => (await log.attempts({ limit: 5 })).map(({ outcome }) => outcome))
        .toEqual(['running', 'failed'])
      expect(problems).toHaveLength(1)
      await streams.reconcile([])
      expect((await log.attempts({ limit: 1 }))[0]?.outcome).toBe('canceled')
    } finally {
      await streams.stop()
      await dropSlot()
    }
  })

  test('a source that is not there is tried again, shown as down, and logged once', async () => {
    const problems: string[] = []
    const { streams, log } = streamsOver(problems)
    await streams.reconcile([{ ...sourceHere(), port: 1 }])
    await expect.poll(() => streams.states()[0]?.why).toContain('refused')
    await expect.poll(() => streams.states()[0]?.down).toBeDefined()
    // Long enough for further tries: none of them is logged again.
    await new Promise((done) => setTimeout(done, 1_500))
    expect(await log.attempts({ limit: 5 })).toEqual([])
    expect(problems).toHaveLength(1)
    await streams.stop()
  })

  test('a stream that a killed daemon left is ended by its folder', async () => {
    const { streams } = streamsOver([])
    const source = sourceHere()
    try {
      await streams.reconcile([source])
      await expect.poll(() => streams.states()[0]?.up).toBeDefined()
      expect(await endStrayTools(folder)).toBe(1)
      expect(await endStrayTools(join(folder, 'elsewhere'))).toBe(0)
    } finally {
      await streams.stop()
      await dropSlot()
    }
  })
})

describe('pruning', () => {
  test('keeps the newest proven copies and the WAL that they need, and nothing older', async () => {
    const log = backupLog(database().pool)
    const source = sourceHere()
    for (const name of ['a', 'b', 'c']) {
      const begun = await log.begin(
        {
          slotId: null,
          system: 'GPK',
          tool: 'pg-basebackup',
          dueAt: null,
          askedBy: 'test',
          sourceSite: 'daejeon',
          targetSite: 'gwangju',
        },
        Date.now(),
      )
      const copy = await takeBaseBackup({
        source,
        access,
        folder: join(folder, 'GPK', 'base', name),
        signal: never,
      })
      await log.end(begun.id, { outcome: 'succeeded', at: Date.now(), copy })
      await database().pool.query('SELECT pg_switch_wal()')
    }
    const parts = { clock: systemClock, log, site: 'gwangju', folder }
    const gone = await pruneCopies(parts, source, 2)
    expect(gone.map((copy) => copy.folder)).toEqual([join(folder, 'GPK', 'base', 'a')])
    expect(readdirSync(join(folder, 'GPK', 'base')).sort()).toEqual(['b', 'c'])
    expect((await log.copies({ limit: 9 })).map((copy) => copy.folder.slice(-1))).toEqual(['c', 'b'])
    expect(await pruneCopies(parts, source, 1)).toHaveLength(1)
    expect(await pruneCopies(parts, source, 0)).toEqual([])
  })
})
