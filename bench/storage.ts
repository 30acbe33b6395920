import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Pool } from 'pg'
import { NamedPool } from '#daemon/pool.ts'
import { schema } from '#daemon/schema.ts'
import { systemClock } from '#platform/clock.ts'
import { migrate } from '#platform/postgres/migrate.ts'
import { ownPostgres, ownPostgresConnection } from '#platform/supervise/postgres.ts'
import { supervise } from '#platform/supervise/supervise.ts'

const prefix = 'haetae-bench-'
/** Of statfs: file systems that lose everything with the power, so that a sync costs nothing there. */
const inMemory = new Set([0x0102_1994, 0x8584_58f6])
/** Connections of the bare side: one for each of 100 callers. */
export const bareConnections = 100
/** Connections of the daemon's own pool, on which the bare side is measured too. */
export const ownConnections = 20
/** Beside those of both: of the bench itself, and of a peer on the same PostgreSQL. */
const furtherConnections = 60

export interface BenchStorage {
  /** A folder on a disk that is removed at the end; the sides keep their data in it. */
  home: string
  /** Of PostgreSQL, with its socket. */
  folder: string
  /** As the daemon has it: 20 connections, the product's schema. */
  pool: Pool
  /** For the raw commits. */
  bare: Pool
  /** Settings that durability depends on, as PostgreSQL tells them. */
  settings: Record<string, string>
  /** How often PostgreSQL has synced its log to the disk, as it counts itself, over all connections. */
  syncs(): Promise<number>
  /** All processes of PostgreSQL. */
  pids(): number[]
}

/**
 * The product's supervised PostgreSQL with its own settings, in a temporary folder on a disk. Stopped and removed by
 * `stack`. Throws HaetaeError `postgres-missing`, and when no temporary folder is on a disk.
 */
export async function openStorage(stack: AsyncDisposableStack): Promise<BenchStorage> {
  const place = folderOnDisk()
  await removeAbandoned(place)
  const home = mkdtempSync(join(place, prefix))
  stack.defer(() => rmSync(home, { recursive: true, force: true }))
  writeFileSync(join(home, 'owner.pid'), String(process.pid))
  // The user that PostgreSQL runs as has to walk through.
  chmodSync(home, 0o711)
  const folder = join(home, 'postgres')
  const program = ownPostgres({ folder })
  await program.prepare()
  // The only setting that is not the product's: the bare side wants a connection for each of its callers.
  writeFileSync(
    join(folder, 'site.conf'),
    `max_connections = ${bareConnections + ownConnections + furtherConnections}\n`,
    { mode: 0o644 },
  )
  const postgres = await supervise(program, { clock: systemClock, onState: () => {} })
  stack.defer(() => postgres.stop())
  await postgres.whenUp(60_000)
  const open = (max: number) => {
    const pool = new NamedPool({ ...ownPostgresConnection(folder), max }, folder, () => postgres.state().why)
    pool.on('error', () => {})
    stack.defer(() => pool.end())
    return pool
  }
  const [pool, bare, admin] = [open(ownConnections), open(bareConnections), open(1)]
  await migrate(pool, schema)
  await bare.query(
    'CREATE TABLE bench_commits (id bigserial PRIMARY KEY, run text, node text, at timestamptz)',
  )
  return {
    ...{ home, folder, pool, bare, settings: await settingsOf(admin) },
    async syncs() {
      await sequenced(admin)
      await Promise.all([told(pool), told(bare)])
      const { rows } = await admin.query<{ wal_sync: string }>('SELECT wal_sync FROM pg_stat_wal')
      return Number(rows[0]?.wal_sync)
    },
    pids() {
      const { pid } = program.find() ?? {}
      return pid === undefined ? [] : [pid, ...childrenOf(pid)]
    },
  }
}

function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').map(Number).filter(Boolean)
}

/** Waits until the ledger has sequenced what the side before left, so that it is not done beside the next side. */
async function sequenced(admin: Pool): Promise<void> {
  const end = Date.now() + 10_000
  for (;;) {
    const { rowCount } = await admin.query('SELECT FROM ledger_pending LIMIT 1')
    if (rowCount === 0 || Date.now() > end) return
    await sleep(20)
  }
}

/** Connections keep their counts to themselves for a while; makes all of a pool hand them over. */
async function told(pool: Pool): Promise<void> {
  const clients = await Promise.all(Array.from({ length: pool.totalCount }, () => pool.connect()))
  try {
    await Promise.all(clients.map((client) => client.query('SELECT pg_stat_force_next_flush()')))
  } finally {
    for (const client of clients) client.release()
  }
}

async function settingsOf(pool: Pool): Promise<Record<string, string>> {
  const { rows } = await pool.query<{ name: string; setting: string }>(
    `SELECT name, setting FROM pg_settings
     WHERE name IN ('server_version', 'fsync', 'synchronous_commit', 'full_page_writes', 'wal_sync_method') ORDER BY name`,
  )
  const settings = Object.fromEntries(rows.map(({ name, setting }) => [name, setting]))
  if (settings['fsync'] !== 'on' || settings['synchronous_commit'] !== 'on') {
    throw new Error(`this PostgreSQL does not commit durably: ${JSON.stringify(settings)}`)
  }
  return settings
}

function folderOnDisk(): string {
  const places = [tmpdir(), '/var/tmp']
  const found = places.find((place) => existsSync(place) && !inMemory.has(statfsSync(place).type))
  if (found !== undefined) return found
  throw new Error(`no temporary folder is on a disk (${places.join(', ')}); name one by TMPDIR`)
}

/** What a killed run left: its PostgreSQL is ended, its folder removed. */
async function removeAbandoned(place: string): Promise<void> {
  for (const name of readdirSync(place).filter((each) => each.startsWith(prefix))) {
    const home = join(place, name)
    const owner = existsSync(join(home, 'owner.pid'))
      ? Number(readFileSync(join(home, 'owner.pid'), 'utf8'))
      : undefined
    // Without the file it may be one that another run is creating right now.
    if (owner === undefined || existsSync(`/proc/${owner}`)) continue
    const left = ownPostgres({ folder: join(home, 'postgres') }).find()
    if (left !== undefined) {
      process.kill(left.pid, 'SIGQUIT')
      for (let tries = 0; tries < 250 && existsSync(`/proc/${left.pid}`); tries++) await sleep(20)
    }
    rmSync(home, { recursive: true, force: true })
  }
}
