import { expect, test } from 'vitest'
import { postgresJournal } from '#engine/journal/postgres.ts'
import { sequence } from '#ledger/sequencer.ts'
import { readLedger } from '#ledger/ledger.ts'
import { systemClock } from '#platform/clock.ts'
import { journalConformance } from '../../support/journal-conformance.ts'
import { databasePerTest } from '../../support/postgres.ts'
import { node, planOf } from '../../sim/world/plans.ts'

const database = databasePerTest()
const open = () => postgresJournal({ pool: database().pool, clock: systemClock })
const holder = { daemon: 'gwangju', incarnation: 'gwangju/1' }
const plan = planOf([node('A/promote', 'sim.promote')])
const run = { id: 'r', plan, requester: 'operator-1', reason: '', systems: ['A'] }

journalConformance(open, (ms) => systemClock.sleep(ms))

test('every record of a run stands in the ledger as well, in the same order', async () => {
  const journal = open()
  await journal.create(run)
  const term = await journal.acquire('r', holder, 60_000)
  if (term === undefined) throw new Error('not free')
  await journal.append(term, [{ kind: 'run-started' }])
  await journal.command('r', { verb: 'cancel', reason: 'enough' }, 'commander-1')
  while ((await sequence(database().pool)) > 0);
  const entries = await readLedger(database().pool, 1, 100, 'run/r')
  expect(entries.map(({ kind, actor }) => [kind, actor])).toEqual([
    ['run.created', 'operator-1'],
    ['run.term-taken', 'gwangju'],
    ['run.started', 'gwangju'],
    ['run.command', 'commander-1'],
  ])
  expect(entries.map(({ data }) => data)).toEqual(
    (await journal.read('r', 0, 10)).map(({ seq, term: at, event }) => ({ run: 'r', seq, term: at, event })),
  )
})

test('an append that is refused leaves nothing in the ledger', async () => {
  const journal = open()
  await journal.create(run)
  const stale = await journal.acquire('r', holder, 60_000)
  await journal.acquire('r', { ...holder, incarnation: 'gwangju/2' }, 60_000)
  if (stale === undefined) throw new Error('not free')
  await expect(journal.append(stale, [{ kind: 'run-started' }])).rejects.toThrow('is over')
  const { rows } = await database().pool.query("SELECT 1 FROM ledger_entry WHERE kind = 'run.started'")
  expect(rows).toEqual([])
})

test('appends that arrive while a commit is under way share the next one', async () => {
  const journal = open()
  await journal.create(run)
  const term = await journal.acquire('r', holder, 60_000)
  if (term === undefined) throw new Error('not free')
  const transactions = async () => {
    const { rows } = await database().pool.query<{ n: string }>(
      'SELECT count(DISTINCT xmin::text) AS n FROM run_journal',
    )
    return Number(rows[0]?.n)
  }
  const before = await transactions()
  const say = (message: string) => journal.append(term, [{ kind: 'progress', node: 'A/promote', message }])
  await Promise.all(Array.from({ length: 200 }, (_, index) => say(`${index}`)))
  expect((await transactions()) - before).toBeLessThan(5)
})

test('the journal refuses to be changed', async () => {
  await open().create(run)
  const { pool } = database()
  await expect(pool.query("UPDATE run_journal SET actor = 'x'")).rejects.toThrow('append-only')
  await expect(pool.query('DELETE FROM run_journal')).rejects.toThrow('append-only')
  await expect(pool.query('TRUNCATE run_journal')).rejects.toThrow('append-only')
})

test('a journal that does not answer in time fails the append, and works again afterwards', async () => {
  const journal = postgresJournal({ pool: database().pool, clock: systemClock, withinMs: 300 })
  await journal.create(run)
  const term = await journal.acquire('r', holder, 60_000)
  if (term === undefined) throw new Error('not free')
  const blocker = await database().pool.connect()
  try {
    await blocker.query('BEGIN')
    await blocker.query("SELECT 1 FROM runs WHERE id = 'r' FOR UPDATE")
    await expect(journal.append(term, [{ kind: 'run-started' }])).rejects.toThrow()
  } finally {
    await blocker.query('ROLLBACK')
    blocker.release()
  }
  expect((await journal.append(term, [{ kind: 'run-started' }]))[0]?.seq).toBe(3)
})
