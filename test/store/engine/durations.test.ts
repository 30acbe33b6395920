import { expect, test } from 'vitest'
import { stepDurations } from '#engine/journal/durations.ts'
import { postgresJournal } from '#engine/journal/postgres.ts'
import type { EngineEvent } from '#engine/state/events.ts'
import { node, planOf } from '../../sim/world/plans.ts'
import { databasePerTest } from '../../support/postgres.ts'

const database = databasePerTest()
const holder = { daemon: 'gwangju', incarnation: 'gwangju/1' }

/** A run whose step of each type took that long, by the journal's own clock. */
async function ran(id: string, took: Record<string, number>, ended = true): Promise<void> {
  let now = Date.parse('2026-11-24T05:00:00Z')
  const clock = { now: () => now, sleep: () => Promise.resolve() }
  const journal = postgresJournal({ pool: database().pool, clock })
  const nodes = Object.keys(took).map((type) => node(`${id}/${type}`, type, []))
  await journal.create({ id, plan: planOf(nodes), requester: 'operator-1', reason: 'x', systems: [id] })
  const term = await journal.acquire(id, holder, 60_000)
  if (term === undefined) throw new Error('a new run was not free')
  const append = (event: EngineEvent) => journal.append(term, [event])
  for (const { id: nodeId, type } of nodes) {
    await append({ kind: 'intended', node: nodeId, attempt: 1, input: '', key: '', epoch: null })
    now += (took[type] ?? 0) / 2
    await append({ kind: 'intended', node: nodeId, attempt: 2, input: '', key: '', epoch: null })
    now += (took[type] ?? 0) / 2
    await append({ kind: 'succeeded', node: nodeId, output: null })
  }
  if (ended) await append({ kind: 'run-ended', outcome: 'succeeded' })
}

const read = (runs: number) => stepDurations(database().pool, { runs, withinMs: 5_000 })

test('steps are timed from their first try, by type, over the newest runs that have ended', async () => {
  expect(await read(20)).toEqual(new Map())
  await ran('A', { 'sim.promote': 90_000 })
  await ran('B', { 'sim.promote': 2_000, 'sim.check': 500 })
  await ran('C', { 'sim.promote': 4_000 })
  await ran('D', { 'sim.promote': 60_000 }, false)
  expect(await read(2)).toEqual(
    new Map([
      ['sim.promote', { ms: 3_000, steps: 2, runs: 2 }],
      ['sim.check', { ms: 500, steps: 1, runs: 1 }],
    ]),
  )
  expect((await read(20)).get('sim.promote')).toEqual({ ms: 4_000, steps: 3, runs: 3 })
})
