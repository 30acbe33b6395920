import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { Pool, type PoolClient } from 'pg'
import { afterEach, beforeEach, inject } from 'vitest'

/** Where the run's PostgreSQL is. Tests use the socket; `host` and `port` are for what can only do TCP. */
export interface TestPostgres {
  socketDir: string
  host: string
  port: number
  user: string
  password: string
  template: string
}

declare module 'vitest' {
  interface ProvidedContext {
    postgres: TestPostgres
  }
}

export interface FreshDatabase extends AsyncDisposable {
  pool: Pool
  name: string
  /** postgres:// over the Unix socket. */
  url: string
  /** postgres:// over loopback TCP, with a password. */
  tcpUrl: string
  /** A further pool on the same database; the test must end it. */
  openPool(max?: number): Pool
  /** Ends the pool and drops the database; throws when the test left a connection or a client behind. */
  drop(): Promise<void>
}

/** The newest version of Debian's PostgreSQL binaries, such as `/usr/lib/postgresql/15/bin`. */
export function postgresBinaries(): string {
  const found = execFileSync('sh', ['-c', 'ls -d /usr/lib/postgresql/*/bin | sort -V | tail -1'])
    .toString()
    .trim()
  if (found === '') throw new Error('PostgreSQL is not installed: npm test installs it')
  return found
}

/** The user that PostgreSQL runs as, because it refuses root. */
export function postgresUser(): { uid: number; gid: number } {
  const id = (flag: string) => Number(execFileSync('id', [flag, 'postgres']).toString())
  return { uid: id('-u'), gid: id('-g') }
}

function socketUrl(server: TestPostgres, database: string): string {
  const query = new URLSearchParams({ host: server.socketDir, port: String(server.port) })
  return `postgres://${server.user}@/${database}?${query.toString()}`
}

/**
 * A database of its own, cloned from the migrated template (20–30 ms). `await using db = await freshDatabase()`
 * drops it at the end of the block.
 */
export async function freshDatabase(): Promise<FreshDatabase> {
  const server = inject('postgres')
  const name = `test_${randomBytes(6).toString('hex')}`
  await administer(server, async (pool) => {
    await pool.query(`CREATE DATABASE ${name} TEMPLATE ${server.template}`)
  })
  const openPool = (max = 10) => {
    const pool = new Pool({
      host: server.socketDir,
      port: server.port,
      user: server.user,
      database: name,
      max,
    })
    // Without a listener, a connection that a test kills on purpose would end the whole worker.
    pool.on('error', () => {})
    return pool
  }
  const pool = openPool()
  const clients: PoolClient[] = []
  pool.on('connect', (client) => clients.push(client))
  const drop = () => dropDatabase(server, name, pool, clients)
  return {
    pool,
    name,
    url: socketUrl(server, name),
    tcpUrl: `postgres://${server.user}:${server.password}@${server.host}:${server.port}/${name}`,
    openPool,
    drop,
    [Symbol.asyncDispose]: drop,
  }
}

/** A fresh database before each test of the file, dropped (and checked for leaks) after it. */
export function databasePerTest(): () => FreshDatabase {
  let current: FreshDatabase | undefined
  beforeEach(async () => {
    current = await freshDatabase()
  })
  afterEach(async () => {
    const database = current
    current = undefined
    await database?.drop()
  })
  return () => {
    if (current === undefined) throw new Error('a database exists only inside a test')
    return current
  }
}

async function administer<T>(server: TestPostgres, work: (pool: Pool) => Promise<T>): Promise<T> {
  const pool = new Pool({
    host: server.socketDir,
    port: server.port,
    user: server.user,
    database: 'postgres',
    max: 1,
  })
  try {
    return await work(pool)
  } finally {
    await pool.end()
  }
}

async function dropDatabase(
  server: TestPostgres,
  name: string,
  pool: Pool,
  clients: readonly PoolClient[],
): Promise<void> {
  const held = await clientsHeld(pool)
  // A client that was left is about to be cut off, which would end the worker instead of failing the test.
  if (held > 0) for (const client of clients) client.on('error', () => {})
  // end() would wait for ever for a client that nobody gives back.
  if (held === 0 && !pool.ended) await pool.end()
  await administer(server, async (admin) => {
    const left = await connectionsLeft(admin, name)
    await admin.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)
    if (held > 0) void pool.end()
    if (left.length > 0 || held > 0) {
      throw new Error(
        `the test left ${left.length} connection(s) to its database (${held} client(s) not released to the pool):\n` +
          left.map((row) => `  ${row.application_name || '(no name)'}: ${row.query}`).join('\n'),
      )
    }
  })
}

/** Clients that are still out after two seconds: a query that was under way needs a moment on a busy machine. */
async function clientsHeld(pool: Pool): Promise<number> {
  const deadline = Date.now() + 2000
  while (pool.totalCount > pool.idleCount && Date.now() < deadline) await sleep(20)
  return pool.totalCount - pool.idleCount
}

interface Activity {
  application_name: string
  query: string
}

/** Connections to the database that are still there after two seconds: a backend needs a moment to go. */
async function connectionsLeft(admin: Pool, name: string): Promise<Activity[]> {
  const deadline = Date.now() + 2000
  for (;;) {
    const { rows } = await admin.query<Activity>(
      "SELECT application_name, left(query, 200) AS query FROM pg_stat_activity WHERE datname = $1 AND backend_type = 'client backend'",
      [name],
    )
    if (rows.length === 0 || Date.now() > deadline) return rows
    await sleep(20)
  }
}
