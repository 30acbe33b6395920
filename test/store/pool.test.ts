import { expect, test } from 'vitest'
import { authorityStore } from '#authority/store.ts'
import { NamedPool } from '#daemon/pool.ts'
import { systemClock } from '#platform/clock.ts'
import { databasePerTest } from '../support/postgres.ts'
import { silentServer } from '../support/silent-server.ts'

const database = databasePerTest()

function open(more: ConstructorParameters<typeof NamedPool>[0] = {}): NamedPool {
  const pool = new NamedPool({ connectionString: database().url, max: 1, ...more }, 'test', () => undefined)
  pool.on('error', () => {})
  return pool
}

test('a query that PostgreSQL never answers fails, and its place in the pool is free again', async () => {
  const pool = open({ query_timeout: 200 })
  const other = await database().pool.connect()
  try {
    await other.query('BEGIN; LOCK TABLE authority_epoch')
    await expect(authorityStore(pool, systemClock).current('GPK')).rejects.toThrow('timeout')
    await other.query('ROLLBACK')
    expect(await authorityStore(pool, systemClock).current('GPK')).toBeUndefined()
  } finally {
    other.release()
    await pool.end()
  }
})

test('PostgreSQL gives up a transaction of a daemon that says nothing more, with its locks', async () => {
  const pool = open({ idle_in_transaction_session_timeout: 200 })
  const gone = await pool.connect()
  gone.on('error', () => {})
  await gone.query('BEGIN; LOCK TABLE authority_epoch')
  expect(await authorityStore(database().pool, systemClock).current('GPK')).toBeUndefined()
  gone.release(true)
  await pool.end()
})

test('without a word about it, every wait has an end', async () => {
  const silent = await silentServer()
  const pool = open({
    connectionString: `postgres://a@127.0.0.1:${silent.port}/a`,
    connectionTimeoutMillis: 200,
  })
  try {
    await expect(pool.query('SELECT 1')).rejects.toMatchObject({ code: 'postgres-unavailable' })
    const { query_timeout, idle_in_transaction_session_timeout, keepAlive } = open().options
    expect(query_timeout).toBeLessThanOrEqual(30_000)
    expect(idle_in_transaction_session_timeout).toBeLessThanOrEqual(30_000)
    expect(keepAlive).toBe(true)
  } finally {
    await pool.end()
    await silent.close()
  }
})

test('a borrowed connection that breaks while nobody listens ends no process, and the pool goes on', async () => {
  const pool = open()
  try {
    const client = await pool.connect()
    const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
    const broken = new Promise((done) => client.once('end', done))
    await database().pool.query('SELECT pg_terminate_backend($1)', [rows[0]?.pid])
    await broken
    client.release(true)
    expect((await pool.query('SELECT 7 AS seven')).rows).toEqual([{ seven: 7 }])
  } finally {
    await pool.end()
  }
})
