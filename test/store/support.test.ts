import { expect, test } from 'vitest'
import { Redis } from 'ioredis'
import { freshDatabase } from '../support/postgres.ts'
import { freshRedis } from '../support/redis.ts'

test('two fresh databases do not see each other', async () => {
  await using one = await freshDatabase()
  await using two = await freshDatabase()
  await one.pool.query('CREATE TABLE only_here (n int)')
  await expect(two.pool.query('SELECT * FROM only_here')).rejects.toThrow(/does not exist/)
})

test('a fresh database carries the migrated schema and answers over TCP too', async () => {
  await using db = await freshDatabase()
  const { rows } = await db.pool.query<{ n: string }>('SELECT count(*) AS n FROM kysely_migration')
  expect(Number(rows[0]?.n)).toBeGreaterThanOrEqual(0)
  const url = new URL(db.tcpUrl)
  expect(url.hostname).toBe('127.0.0.1')
})

test('a client that was not released fails the test that kept it', async () => {
  const db = await freshDatabase()
  await db.pool.connect()
  await expect(db.drop()).rejects.toThrow(/1 client\(s\) not released/)
})

test('a pool of the test that was not ended fails the test that opened it', async () => {
  const db = await freshDatabase()
  const extra = db.openPool(1)
  await extra.query('SELECT 1')
  await expect(db.drop()).rejects.toThrow(/left 1 connection/)
  await extra.end()
})

test('two fresh Redis databases do not see each other', async () => {
  await using one = await freshRedis()
  await using two = await freshRedis()
  await one.client.set('only', 'here')
  expect(await two.client.get('only')).toBeNull()
})

test('a Redis client that was not closed fails the test that kept it', async () => {
  const redis = await freshRedis()
  const extra = new Redis(redis.options)
  await extra.ping()
  await expect(redis.drop()).rejects.toThrow(/left 1 client/)
  extra.disconnect()
})
