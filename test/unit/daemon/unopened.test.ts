import { describe, expect, test } from 'vitest'
import type { AuthorityStore } from '#authority/store.ts'
import type { Catalogue } from '#daemon/catalogue.ts'
import { unopenedBy } from '#daemon/unopened.ts'
import { World } from '#daemon/world.ts'
import { memoryJournal } from '#engine/journal/memory.ts'
import type { Journal } from '#engine/journal/journal.ts'
import type { EngineEvent } from '#engine/state/events.ts'
import { VirtualClock } from '../../sim/world/clock.ts'
import { node, planOf } from '../../sim/world/plans.ts'

const opened = (system: string): EngineEvent[] =>
  ['acquire', 'traffic'].map((step) => ({ kind: 'succeeded', node: `${system}/${step}`, output: null }))

/** A run over A and B, with what happened to it. */
async function journalOf(...events: EngineEvent[]): Promise<Journal> {
  const journal = memoryJournal(new VirtualClock())
  const steps = ['A', 'B'].flatMap((system) => [
    node(`${system}/acquire`, 'sim.idempotent'),
    node(`${system}/traffic`, 'sim.idempotent', [`${system}/acquire`]),
  ])
  const about = { requester: 'operator-1', reason: 'power lost', systems: ['A', 'B'] }
  await journal.create({ id: 'r', plan: planOf(steps), ...about })
  const term = await journal.acquire('r', { daemon: 'gwangju', incarnation: 'gwangju/1' }, 60_000)
  if (term === undefined) throw new Error('a new run was not free')
  await journal.append(term, [{ kind: 'run-started' }, ...events])
  return journal
}

const canceled: EngineEvent[] = [
  { kind: 'run-canceling', by: 'commander-1', reason: 'stop', command: 1 },
  { kind: 'run-ended', outcome: 'canceled' },
]

describe('a system that a run took', () => {
  test('is unopened when the run ended before all its steps were done, and only then', async () => {
    const unopened = unopenedBy(await journalOf(...opened('A'), ...canceled))
    expect([await unopened('r', 'A'), await unopened('r', 'B')]).toEqual([false, true])
  })

  test('is not unopened while the run goes on: it is locked', async () => {
    expect(await unopenedBy(await journalOf(...opened('A')))('r', 'B')).toBe(false)
  })

  test('is unopened when what was done was taken back', async () => {
    const unopened = unopenedBy(
      await journalOf(
        ...opened('A'),
        ...opened('B'),
        { kind: 'run-rolling-back', by: 'commander-1', reason: 'wrong', command: 1 },
        { kind: 'run-rollback-planned', steps: [], left: [] },
        { kind: 'run-ended', outcome: 'rolled-back' },
      ),
    )
    expect(await unopened('r', 'A')).toBe(true)
  })

  test('is not unopened by a run that this site does not know', async () => {
    expect(await unopenedBy(await journalOf())('elsewhere', 'A')).toBe(false)
  })
})

test('a system without a database leaves its former site until it was opened; one with a database, until it was promoted', async () => {
  const at = '2026-03-01T00:00:00.000Z'
  const systems = ['WEB', 'OPEN', 'BUSY', 'DATA'].map((id) => ({
    id,
    components: id === 'DATA' ? { database: {} } : {},
  }))
  const catalogue = { estate: { systems }, systems: new Map(systems.map((one) => [one.id, one])) }
  const authority: Partial<AuthorityStore> = {
    all: async () =>
      systems.map(({ id }) => ({ system: id, epoch: 2, site: 'gwangju', runId: `run-${id}`, at })),
    takenOnly: async () => new Map(systems.map(({ id }) => [id, 'daejeon'])),
    fenceDebts: async () => [],
  }
  const asked: string[] = []
  const world = new World('gwangju', catalogue as unknown as Catalogue, authority as AuthorityStore, {
    locks: async () => [{ system: 'BUSY', runId: 'run-BUSY' }],
    async unopened(run) {
      asked.push(run)
      return run !== 'run-OPEN'
    },
  })
  await world.refresh()
  expect(Object.fromEntries([...world.activeAt()].map(([id, { leaves }]) => [id, leaves]))).toEqual({
    WEB: 'daejeon',
    OPEN: undefined,
    BUSY: undefined,
    DATA: 'daejeon',
  })
  expect(asked, 'the journal of a run that holds its system is not read').toEqual(['run-WEB', 'run-OPEN'])
})
