import { expect, test } from 'vitest'
import { transaction } from '#platform/postgres/transaction.ts'
import { databasePerTest } from '../support/postgres.ts'

const database = databasePerTest()

test('a transaction that PostgreSQL rolled back at its COMMIT is a failure, not a success', async () => {
  const { pool } = database()
  await pool.query('CREATE TABLE said (word text PRIMARY KEY)')
  const swallowed = transaction(pool, async (tx) => {
    await tx.query("INSERT INTO said VALUES ('a')")
    await tx.query("INSERT INTO said VALUES ('a')").catch(() => undefined)
  })
  await expect(swallowed).rejects.toThrow('rolled back')
  expect((await pool.query('SELECT * FROM said')).rows).toEqual([])
  await transaction(pool, (tx) => tx.query("INSERT INTO said VALUES ('b')"))
  expect((await pool.query('SELECT * FROM said')).rows).toEqual([{ word: 'b' }])
})
