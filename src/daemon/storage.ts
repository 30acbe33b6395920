import { chmodSync, mkdirSync } from 'node:fs'
import type { Pool } from 'pg'
import { HaetaeError, isHaetaeError, messageOf } from '#model/errors.ts'
import type { Clock } from '#model/time.ts'
import { migrate } from '#platform/postgres/migrate.ts'
import type { Log } from '#platform/log.ts'
import { ownPostgres, ownPostgresConnection } from '#platform/supervise/postgres.ts'
import { ownRedis, ownRedisSocket } from '#platform/supervise/redis.ts'
import { supervise, type ProgramState, type Supervised } from '#platform/supervise/supervise.ts'
import { layoutOf, type Config } from './config.ts'
import { NamedPool } from './pool.ts'
import type { Releasers } from './releasers.ts'
import { schema } from './schema.ts'

export interface Storage {
  pool: Pool
  /** The supervised PostgreSQL; undefined with postgres.url. */
  postgres: Supervised | undefined
  /** The supervised Redis; undefined with redis.url. */
  redis: Supervised | undefined
  /** How Redis is reached: a Unix socket's path or a URL. */
  redisAddress: { path: string } | { url: string }
}

interface Needs {
  config: Config
  clock: Clock
  log: Log
  releasers: Releasers
}

/**
 * PostgreSQL first, with its schema, because nothing works without it; then Redis, whose absence only backups feel.
 * Throws `postgres-missing`, `postgres-unavailable`.
 */
export async function openStorage(needs: Needs): Promise<Storage> {
  const { config, log, releasers } = needs
  const layout = layoutOf(config)
  mkdirSync(config.dataDir, { recursive: true })
  // The user that PostgreSQL runs as has to walk through; only what lies inside is closed.
  chmodSync(config.dataDir, 0o711)
  const redis = await superviseRedis(needs)
  const postgres = config.postgres.url === undefined ? await supervisePostgres(needs) : undefined
  const connection =
    config.postgres.url === undefined
      ? ownPostgresConnection(layout.postgres)
      : { connectionString: config.postgres.url }
  const settings = { max: 20, application_name: 'haetae' }
  const where = config.postgres.url === undefined ? layout.postgres : 'postgres.url'
  const pool = new NamedPool({ ...connection, ...settings }, where, () => whyDown(postgres))
  // Without a listener the loss of an idle connection would end the process.
  pool.on('error', (error) => log.warn({ why: error.message }, 'a connection to PostgreSQL was lost'))
  releasers.add('connections to PostgreSQL', () => pool.end())
  // A change of the schema may take long, and waits for another daemon that is at it.
  const patient = new NamedPool({ ...connection, ...settings, max: 2, query_timeout: 600_000 }, where, () =>
    whyDown(postgres),
  )
  patient.on('error', () => undefined)
  await prepareSchema(patient, config).finally(() => patient.end())
  await warnWhenAlone(pool, needs)
  const redisAddress =
    config.redis.url === undefined ? { path: ownRedisSocket(layout.redis) } : { url: config.redis.url }
  return { pool, postgres, redis, redisAddress }
}

/** Runs survive the loss of this machine only when a second node has every commit. */
async function warnWhenAlone(pool: Pool, { config, log }: Needs): Promise<void> {
  const { rows } = await pool.query<{ names: string }>(
    "SELECT current_setting('synchronous_standby_names') AS names",
  )
  if (rows[0]?.names !== '') return
  const own = config.postgres.url === undefined
  log.warn({ own }, 'the PostgreSQL of Haetae has no second node that confirms its commits')
}

function whyDown(postgres: Supervised | undefined): string | undefined {
  const state = postgres?.state()
  return state?.status === 'down' ? state.why : undefined
}

async function supervisePostgres(needs: Needs): Promise<Supervised> {
  const { config, clock, releasers } = needs
  const folder = layoutOf(config).postgres
  const program = ownPostgres({ folder, binDir: config.postgres.binDir })
  const postgres = await supervise(program, { clock, onState: reportTo(needs.log, 'PostgreSQL') })
  releasers.add('PostgreSQL', () => postgres.stop())
  await postgres.whenUp(60_000).catch((error: unknown) => {
    throw new HaetaeError('postgres-unavailable', 'it did not start', {
      where: folder,
      why: messageOf(error),
      cause: error,
    })
  })
  return postgres
}

async function superviseRedis(needs: Needs): Promise<Supervised | undefined> {
  const { config, clock, releasers } = needs
  if (config.redis.url !== undefined) return undefined
  const program = ownRedis({ folder: layoutOf(config).redis, binary: config.redis.binary })
  const redis = await supervise(program, { clock, onState: reportTo(needs.log, 'Redis') }, true)
  releasers.add('Redis', () => redis.stop())
  return redis
}

function reportTo(log: Log, program: string): (state: ProgramState) => void {
  return (state) => {
    const { status, pid, adopted, restarts, why } = state
    const fields = { program, status, programPid: pid, adopted, restarts, why }
    if (status === 'down') log.error(fields, 'a supervised program is down')
    else log.info(fields, 'a supervised program changed its state')
  }
}

async function prepareSchema(pool: Pool, config: Config): Promise<void> {
  try {
    await pool.query('SELECT 1')
    await migrate(pool, schema)
  } catch (error) {
    if (isHaetaeError(error)) throw error
    const cause = error instanceof Error && error.cause !== undefined ? `: ${messageOf(error.cause)}` : ''
    throw new HaetaeError('postgres-unavailable', 'the schema could not be brought up', {
      where: config.postgres.url === undefined ? layoutOf(config).postgres : 'postgres.url',
      why: `${messageOf(error)}${cause}`,
      cause: error,
    })
  }
}
