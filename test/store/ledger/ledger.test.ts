import type { Pool } from 'pg'
import { expect, test } from 'vitest'
import { followLedger } from '#ledger/follow.ts'
import { appendToLedger, readLedger, type LedgerEntry } from '#ledger/ledger.ts'
import { sequence, startSequencer } from '#ledger/sequencer.ts'
import { systemClock } from '#platform/clock.ts'
import { transaction } from '#platform/postgres/transaction.ts'
import { databasePerTest } from '../../support/postgres.ts'

const database = databasePerTest()

function entry(subject: string, number = 0): LedgerEntry {
  return {
    kind: 'test.said',
    subject,
    actor: 'tester',
    at: '2026-11-24T00:00:00.000Z',
    data: { number, 말: 'ㄱ' },
  }
}

function append(pool: Pool, ...entries: LedgerEntry[]): Promise<void> {
  return transaction(pool, (tx) => appendToLedger(tx, ...entries))
}

async function sequenceAll(pool: Pool): Promise<void> {
  while ((await sequence(pool)) > 0);
}

test('entries are read as they were appended, from a place on, and by their subject', async () => {
  const { pool } = database()
  await append(pool, entry('a', 1), entry('b', 2), entry('a', 3))
  expect(await readLedger(pool, 1, 10)).toEqual([])
  await sequenceAll(pool)
  expect(await readLedger(pool, 1, 10)).toEqual([
    { seq: 1, ...entry('a', 1) },
    { seq: 2, ...entry('b', 2) },
    { seq: 3, ...entry('a', 3) },
  ])
  expect((await readLedger(pool, 2, 1)).map(({ seq }) => seq)).toEqual([2])
  expect((await readLedger(pool, 1, 10, 'a')).map(({ seq }) => seq)).toEqual([1, 3])
})

test('an entry is there when its transaction commits, and leaves neither itself nor a gap when it does not', async () => {
  const { pool } = database()
  await append(pool, entry('kept'))
  const failed = transaction(pool, async (tx) => {
    await appendToLedger(tx, entry('lost'))
    throw new Error('changed my mind')
  })
  await expect(failed).rejects.toThrow('changed my mind')
  await append(pool, entry('kept'))
  await sequenceAll(pool)
  expect((await readLedger(pool, 1, 10)).map(({ seq, subject }) => [seq, subject])).toEqual([
    [1, 'kept'],
    [2, 'kept'],
  ])
})

test('many writers and several sequencers at once: no gap, nothing twice, and what came after stands after', async () => {
  const { pool, openPool } = database()
  const more = openPool(8)
  const told: string[] = []
  const sequencers = [1, 2, 3].map(() =>
    startSequencer({ pool, clock: systemClock, onTrouble: (why) => told.push(why), everyMs: 3 }),
  )
  const writer = async (name: string) => {
    for (let number = 0; number < 30; number++) {
      const work = transaction(more, async (tx) => {
        await appendToLedger(tx, entry(name, number), entry(name, number + 0.5))
        if (number % 7 === 3) throw new Error('rolled back')
      })
      await work.catch(() => {})
    }
  }
  await Promise.all(Array.from({ length: 8 }, (_, index) => writer(`w${index}`)))
  await Promise.all(sequencers.map((sequencer) => sequencer.stop()))
  await more.end()
  await sequenceAll(pool)

  expect(told).toEqual([])
  const all = await readLedger(pool, 1, 10_000)
  const numbers = Array.from({ length: 30 }, (_, number) => number).filter((number) => number % 7 !== 3)
  expect(all.map(({ seq }) => seq)).toEqual(
    Array.from({ length: 8 * 2 * numbers.length }, (_, index) => index + 1),
  )
  for (let index = 0; index < 8; index++) {
    const own = all.filter(({ subject }) => subject === `w${index}`)
    expect(own.map(({ data }) => (data as { number: number }).number)).toEqual(
      numbers.flatMap((number) => [number, number + 0.5]),
    )
  }
})

test('a transaction that stays open holds nobody up, and gets its place when it commits', async () => {
  const { pool } = database()
  const slow = await pool.connect()
  await slow.query('BEGIN')
  await appendToLedger(slow, entry('slow'))
  await append(pool, entry('quick'))
  await sequenceAll(pool)
  expect((await readLedger(pool, 1, 10)).map(({ subject }) => subject)).toEqual(['quick'])
  await slow.query('COMMIT')
  slow.release()
  await sequenceAll(pool)
  expect((await readLedger(pool, 1, 10)).map(({ subject }) => subject)).toEqual(['quick', 'slow'])
})

test('entries and their order refuse to be changed or removed', async () => {
  const { pool } = database()
  await append(pool, entry('a'))
  await sequenceAll(pool)
  for (const table of ['ledger_entry', 'ledger_sequence']) {
    const column = table === 'ledger_entry' ? "entry = '{}'" : 'seq = 9'
    await expect(pool.query(`UPDATE ${table} SET ${column}`)).rejects.toThrow('append-only')
    await expect(pool.query(`DELETE FROM ${table}`)).rejects.toThrow('append-only')
    await expect(pool.query(`TRUNCATE ${table} CASCADE`)).rejects.toThrow('append-only')
  }
  expect(await readLedger(pool, 1, 10)).toHaveLength(1)
})

test('an entry has its place within a second, and whoever follows is woken for it', async () => {
  const { pool } = database()
  const done = new AbortController()
  const sequencer = startSequencer({ pool, clock: systemClock, onTrouble: () => {} })
  const heard: number[] = []
  const following = (async () => {
    // Far longer than the test: only a notification can wake it.
    const options = { pool, clock: systemClock, fromSeq: 1, signal: done.signal, everyMs: 600_000 }
    for await (const { seq } of followLedger(options)) {
      heard.push(seq)
      if (seq === 3) done.abort()
    }
  })()
  await systemClock.sleep(100)
  const began = performance.now()
  await append(pool, entry('a'))
  await append(pool, entry('b'), entry('c'))
  await following
  expect(heard).toEqual([1, 2, 3])
  expect(performance.now() - began).toBeLessThan(5_000)
  await sequencer.stop()
})

test('whoever follows loses nothing when its connection is cut', async () => {
  const { pool } = database()
  const done = new AbortController()
  const heard: number[] = []
  const following = (async () => {
    const options = { pool, clock: systemClock, fromSeq: 2, signal: done.signal, everyMs: 50 }
    for await (const { seq } of followLedger(options)) {
      heard.push(seq)
      if (seq === 4) done.abort()
    }
  })()
  await append(pool, entry('a'), entry('b'))
  await sequenceAll(pool)
  const listening = "FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'"
  await expect.poll(async () => (await pool.query(`SELECT ${listening}`)).rowCount).toBe(1)
  await pool.query(`SELECT pg_terminate_backend(pid) ${listening}`)
  await append(pool, entry('c'), entry('d'))
  await sequenceAll(pool)
  await following
  expect(heard).toEqual([2, 3, 4])
})
