import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { appendFile, chmod, chown, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { Client } from 'pg'
import { createAuthority, issue } from '../../lab/pki.ts'
import type { DatabaseOptions, DatabaseRole } from '#platform/database/client.ts'
import { ownedFolder } from './owned-folder.ts'
import { postgresBinaries, postgresUser } from './postgres.ts'
import { freePort, startServer, untilAnswers } from './processes.ts'

const run = promisify(execFile)

/** One server of a system's database. `sql` runs as its administrator over the Unix socket. */
export interface SystemServer {
  host: string
  port: number
  database: string
  /** Where its Unix socket is: there its administrator and `app` need no password. */
  socketFolder: string
  /** Every statement that the server has logged, in order; `since`: those after that many. */
  statements(since?: number): Promise<{ role: string; text: string }[]>
  sql(text: string): Promise<Record<string, unknown>[]>
  /** An open session of a role; the test ends it. */
  session(role: 'app' | 'postgres'): Promise<Client>
  stop(): Promise<void>
}

/** A system's database as the lab has it: TLS, Haetae's two roles with their few rights, standbys that stream. */
export interface SystemDatabase {
  primary: SystemServer
  /** What Haetae signs in with, over TLS. */
  databases: DatabaseOptions
  /** A new streaming standby that has caught up; about a second. */
  standby(): Promise<SystemServer>
  stop(): Promise<void>
}

const settings = (folder: string) => `
listen_addresses = '127.0.0.1'
unix_socket_directories = '${folder}'
fsync = off
shared_buffers = 16MB
ssl = on
ssl_cert_file = '${folder}/pki/server.crt'
ssl_key_file = '${folder}/pki/server.key'
wal_level = replica
hot_standby = on
max_wal_senders = 10
wal_log_hints = on
wal_retrieve_retry_interval = 100ms
timezone = 'UTC'
max_prepared_transactions = 2
log_statement = 'all'
log_line_prefix = '%u '
`

const access = `
local   all          postgres               trust
local   replication  postgres               trust
local   app          app                    trust
hostssl all  haetae         127.0.0.1/32  scram-sha-256
hostssl all  haetae_reader  127.0.0.1/32  scram-sha-256
`

/** What the lab's databases have besides Haetae's own manifests (lab/image/postgres/start.sh). */
const theSystem = `
CREATE ROLE app LOGIN;
REVOKE CONNECT ON DATABASE app FROM PUBLIC;
GRANT CONNECT ON DATABASE app TO app;
CREATE TABLE transactions (id text PRIMARY KEY, received_at timestamptz NOT NULL DEFAULT now(), payload jsonb);
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON transactions TO app;
CREATE TABLE heartbeat (source text PRIMARY KEY, at timestamptz NOT NULL);
GRANT SELECT ON heartbeat TO haetae, haetae_reader;
`

export async function startSystemDatabase(): Promise<SystemDatabase> {
  const user = postgresUser()
  const folder = await ownedFolder('haetae-test-pair-', user)
  const caFile = await certificate(folder)
  const signIn = (user: string) => ({ user, passwordFile: join(folder, `${user}.password`) })
  const [reader, writer] = [signIn('haetae_reader'), signIn('haetae')]
  const servers: SystemServer[] = []
  let copies = 0
  const stop = async () => {
    for (const server of servers.splice(0).reverse()) await server.stop()
    await rm(folder, { recursive: true, force: true })
  }
  try {
    const primary = await makePrimary(folder, [reader, writer])
    servers.push(primary)
    return {
      primary,
      databases: { reader, writer, caFile, connectTimeoutMs: 20_000 },
      async standby() {
        const server = await makeStandby(folder, primary, `standby${++copies}`)
        servers.push(server)
        return server
      },
      stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}

async function certificate(folder: string): Promise<string> {
  const { uid, gid } = postgresUser()
  const authority = await createAuthority(join(folder, 'pki'), 'test-authority')
  const pair = await issue(authority, join(folder, 'pki'), 'server', { commonName: 'db', ips: ['127.0.0.1'] })
  for (const file of [pair.cert, pair.key]) {
    await chmod(file, 0o600)
    await chown(file, uid, gid)
  }
  return authority.cert
}

async function makePrimary(
  folder: string,
  signIns: readonly Required<DatabaseRole>[],
): Promise<SystemServer> {
  const data = join(folder, 'primary')
  const flags = ['-D', data, '--no-sync', '-U', 'postgres', '-E', 'UTF8', '--locale=C', '--wal-segsize=4']
  await run(join(postgresBinaries(), 'initdb'), [...flags, '-A', 'reject'], { ...postgresUser(), cwd: '/' })
  await appendFile(join(data, 'postgresql.conf'), settings(folder))
  await writeFile(join(data, 'pg_hba.conf'), access)
  const primary = await startOne(folder, data, 'postgres')
  await primary.sql('CREATE DATABASE app')
  const { port, stop, log } = primary
  const app = serverAt(folder, port, 'app', stop, log)
  await app.sql(await manifest('roles.sql'))
  for (const { user, passwordFile } of signIns) {
    const password = randomUUID()
    await writeFile(passwordFile, `${password}\n`)
    await app.sql(`ALTER ROLE ${user} PASSWORD '${password}'`)
  }
  await app.sql(theSystem)
  await app.sql(await manifest('haetae.sql'))
  return app
}

function manifest(name: string): Promise<string> {
  return readFile(join(import.meta.dirname, '../../manifests/postgres', name), 'utf8')
}

/**
 * What Haetae's roles said that is no look, by the server's own log since that many statements: all that the writer
 * said, and what the reader said otherwise than by SELECT or EXPLAIN, which its role keeps from changing anything.
 */
export async function acts(server: SystemServer, since = 0): Promise<string[]> {
  const statements = await server.statements(since)
  return statements
    .filter(
      ({ role, text }) =>
        role === 'haetae' || (role === 'haetae_reader' && !/^(SELECT|EXPLAIN)\b/.test(text)),
    )
    .map(({ role, text }) => `${role}: ${text}`)
}

async function makeStandby(folder: string, primary: SystemServer, name: string): Promise<SystemServer> {
  const copy = join(folder, name)
  const source = `host=${folder} port=${primary.port} user=postgres application_name=${name}`
  const flags = ['-d', source, '-D', copy, '-X', 'stream', '-c', 'fast', '-R', '--no-sync']
  await run(join(postgresBinaries(), 'pg_basebackup'), flags, { ...postgresUser(), cwd: '/' })
  const standby = await startOne(folder, copy, 'app')
  await caughtUp(primary, standby)
  return standby
}

/** Resolves when the standby has replayed all that the primary has written by now. */
export async function caughtUp(primary: SystemServer, standby: SystemServer): Promise<void> {
  // A record of its own: right after a switch of files the current position lies past a header that nobody replays.
  const [row] = await primary.sql("SELECT pg_logical_emit_message(true, 'test', 'here')::text AS lsn")
  for (let attempt = 0; attempt < 500; attempt++) {
    const [there] = await standby.sql(`SELECT pg_last_wal_replay_lsn() >= '${String(row?.['lsn'])}' AS yes`)
    if (there?.['yes'] === true) return
    await sleep(20)
  }
  throw new Error('the standby does not catch up')
}

async function startOne(
  folder: string,
  data: string,
  database: string,
): Promise<ReturnType<typeof serverAt>> {
  const port = await freePort()
  const program = join(postgresBinaries(), 'postgres')
  const server = startServer(program, ['-D', data, '-p', String(port)], {
    ...postgresUser(),
    deathSignal: 'INT',
  })
  const stop = () => server.stop('SIGQUIT')
  // All of it: what a test counts in must not lose its beginning.
  let log = ''
  server.child.stderr?.on('data', (chunk: Buffer) => (log += chunk.toString()))
  const one = serverAt(folder, port, database, stop, () => log)
  await untilAnswers(server, 'PostgreSQL', () => one.sql('SELECT 1')).catch(async (error: unknown) => {
    await stop()
    throw error
  })
  return one
}

function statementsIn(log: string): { role: string; text: string }[] {
  return log.split(/^(?=\w* ?[A-Z]+: {2})/m).flatMap((entry) => {
    const [, role = '', text = ''] =
      /^(\w+) LOG: {2}(?:statement|execute [^:]+): ([\s\S]*)$/.exec(entry) ?? []
    return role === '' || text.startsWith("SELECT 'logged until")
      ? []
      : [{ role, text: text.replace(/\s+/g, ' ').trim() }]
  })
}

function serverAt(
  folder: string,
  port: number,
  database: string,
  stop: () => Promise<void>,
  log: () => string,
): SystemServer & { log: () => string } {
  return {
    ...{ host: '127.0.0.1', port, database, socketFolder: folder, stop, log },
    async statements(since = 0) {
      // The log comes through a pipe: when this statement is in it, all before it are.
      const marker = `SELECT 'logged until ${randomUUID()}'`
      await this.sql(marker)
      while (!log().includes(marker)) await sleep(5)
      return statementsIn(log()).slice(since)
    },
    async sql(text) {
      const client = await this.session('postgres')
      try {
        return (await client.query<Record<string, unknown>>(text)).rows
      } finally {
        await client.end()
      }
    },
    async session(user) {
      const client = new Client({ host: folder, port, database, user })
      client.on('error', () => undefined) // the server may end it; what it is asked next fails
      await client.connect()
      return client
    },
  }
}
