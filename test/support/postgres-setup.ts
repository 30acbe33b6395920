import { execFile } from 'node:child_process'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Pool } from 'pg'
import type { TestProject } from 'vitest/node'
import { schema } from '#daemon/schema.ts'
import { migrate } from '#platform/postgres/migrate.ts'
import { ownedFolder } from './owned-folder.ts'
import { postgresBinaries, postgresUser, type TestPostgres } from './postgres.ts'
import { freePort, startServer, untilAnswers, type ServerProcess } from './processes.ts'

const run = promisify(execFile)

/** vitest globalSetup: one PostgreSQL a run, with a migrated template database. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const user = postgresUser()
  const folder = await ownedFolder('haetae-test-postgres-', user)
  const data = join(folder, 'data')
  const password = randomBytes(12).toString('hex')
  await initialise(folder, data, password, user)
  const port = await freePort()
  const server = startServer(
    join(postgresBinaries(), 'postgres'),
    ['-D', data, '-p', String(port), '-k', folder],
    {
      ...user,
      deathSignal: 'INT',
    },
  )
  const place: TestPostgres = {
    socketDir: folder,
    host: '127.0.0.1',
    port,
    user: 'postgres',
    password,
    template: 'haetae_template',
  }
  try {
    await buildTemplate(server, place)
  } catch (error) {
    await server.stop('SIGQUIT')
    await rm(folder, { recursive: true, force: true })
    throw error
  }
  project.provide('postgres', place)
  return () => tearDown(server, place, folder)
}

async function initialise(
  folder: string,
  data: string,
  password: string,
  user: { uid: number; gid: number },
): Promise<void> {
  const passwordFile = join(folder, 'password')
  await writeFile(passwordFile, password, { mode: 0o644 })
  await run(
    join(postgresBinaries(), 'initdb'),
    [
      ...['-D', data, '--no-sync', '--username=postgres', '--encoding=UTF8', '--locale=C.UTF-8'],
      ...['--auth-local=trust', '--auth-host=scram-sha-256', `--pwfile=${passwordFile}`],
    ],
    { ...user, cwd: '/' },
  )
  await rm(passwordFile)
  const file = join(data, 'postgresql.conf')
  // Without fsync a crash of the machine would lose data, which no test of this tier claims to survive; a
  // kill -9 of PostgreSQL loses nothing either way. Tests of durability start a PostgreSQL of their own.
  const settings = `
listen_addresses = '127.0.0.1'
fsync = off
full_page_writes = off
max_wal_size = 256MB
max_connections = 300
shared_buffers = 64MB
wal_level = replica
logging_collector = off
timezone = 'UTC'
`
  await writeFile(file, (await readFile(file, 'utf8')) + settings)
}

async function buildTemplate(server: ServerProcess, place: TestPostgres): Promise<void> {
  const connect = { host: place.socketDir, port: place.port, user: place.user, max: 2 }
  const admin = new Pool({ ...connect, database: 'postgres' })
  admin.on('error', () => {})
  try {
    await untilAnswers(server, 'the PostgreSQL of the tests', () => admin.query('SELECT 1'))
    await admin.query(`CREATE DATABASE ${place.template}`)
    const template = new Pool({ ...connect, database: place.template })
    try {
      await migrate(template, schema)
    } finally {
      await template.end()
    }
    await admin.query(
      `ALTER DATABASE ${place.template} WITH IS_TEMPLATE true ALLOW_CONNECTIONS false CONNECTION LIMIT 0`,
    )
  } finally {
    await admin.end()
  }
}

async function tearDown(server: ServerProcess, place: TestPostgres, folder: string): Promise<void> {
  const problems: string[] = []
  const admin = new Pool({
    host: place.socketDir,
    port: place.port,
    user: place.user,
    database: 'postgres',
    max: 1,
  })
  try {
    const { rows } = await admin.query<{ datname: string }>(
      "SELECT datname FROM pg_database WHERE datname LIKE 'test\\_%'",
    )
    if (rows.length > 0) problems.push(`databases not dropped: ${rows.map((row) => row.datname).join(', ')}`)
  } catch (error) {
    problems.push(`PostgreSQL did not survive the tests: ${String(error)}`)
  } finally {
    await admin.end()
    await server.stop('SIGQUIT')
    await rm(folder, { recursive: true, force: true })
  }
  if (problems.length > 0) throw new Error(`the store tests left something behind: ${problems.join('; ')}`)
}
