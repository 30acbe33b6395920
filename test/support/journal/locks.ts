import { expect, test } from 'vitest'
import { TermLost } from '#engine/journal/journal.ts'
import { isHaetaeError } from '#model/errors.ts'
import { codeOf, ended, held, intent, longMs, mine, newRun, other, type Open } from './runs.ts'

/** A system is of one run only, and a drill gives way. */
export function lockTests(open: Open): void {
  test('a second run of a locked system is refused, told who holds it, and leaves nothing', async () => {
    const journal = open()
    await journal.create(newRun('r', ['A', 'B']))
    const refused = await journal.create(newRun('s', ['C', 'B'])).catch((error: unknown) => error)
    expect(isHaetaeError(refused, 'system-locked') && refused.facts).toEqual({
      holders: [{ system: 'B', run: 'r' }],
    })
    expect(await journal.run('s')).toBeUndefined()
    expect((await journal.locks()).map(({ system }) => system)).toEqual(['A', 'B'])
    expect(await codeOf(journal.create(newRun('r', ['D'])))).toBe('run-exists')
  })

  test('of many runs that want one system at once, one is created', async () => {
    const journal = open()
    const tries = await Promise.allSettled(
      Array.from({ length: 8 }, (_, index) =>
        journal.create(newRun(`r${index}`, index % 2 === 0 ? ['A', 'B'] : ['B', 'A'])),
      ),
    )
    expect(tries.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    expect(await journal.runs({})).toHaveLength(1)
  })

  test('a failover takes the systems of a drill at once: the drill is canceled and its holder writes nothing', async () => {
    const journal = open()
    await journal.create(newRun('drill', ['A', 'B'], 'drill'))
    const term = await journal.acquire('drill', mine, longMs)
    expect(await journal.create(newRun('real', ['B', 'C']))).toEqual(['drill'])
    expect((await journal.locks()).map(({ system, runId }) => `${system} ${runId}`).toSorted()).toEqual([
      'A drill',
      'B real',
      'C real',
    ])
    if (term === undefined) throw new Error('a new run was not free')
    await expect(journal.append(term, [intent])).rejects.toBeInstanceOf(TermLost)
    expect(await journal.run('drill')).toMatchObject({ state: 'waiting', term: 2, holder: null })
    const [told] = (await journal.read('drill', 2, 9)).map(({ event }) => event)
    expect(told).toEqual({
      kind: 'run-preempted',
      run: 'real',
      by: 'operator-1',
      reason: 'run real has taken its systems',
    })
  })

  test('a drill waits for a failover and a failover for a failover; either is told who holds it, and nothing is left', async () => {
    const journal = open()
    await journal.create(newRun('real', ['A']))
    await journal.create(newRun('drill', ['B'], 'drill'))
    for (const refused of [
      newRun('d', ['A', 'C'], 'drill'),
      newRun('e', ['B', 'C'], 'drill'),
      newRun('f', ['A', 'B']),
    ]) {
      expect(await codeOf(journal.create(refused))).toBe('system-locked')
    }
    expect((await journal.locks()).map(({ system, runId }) => `${system} ${runId}`).toSorted()).toEqual([
      'A real',
      'B drill',
    ])
    expect(await journal.run('drill')).toMatchObject({ term: 0, lastSeq: 1 })
  })

  test('a drill takes its systems again when they are free, all or none', async () => {
    const journal = open()
    await journal.create(newRun('drill', ['A', 'B'], 'drill'))
    const real = await held(journal, 'real', ['B'], other)
    const term = await journal.acquire('drill', mine, longMs)
    if (term === undefined) throw new Error('a drill that lost its systems was not free')
    expect(await journal.lockAgain(term)).toBe(false)
    expect((await journal.locks()).map(({ runId }) => runId).toSorted()).toEqual(['drill', 'real'])
    await journal.append(real, [ended])
    expect(await journal.lockAgain(term)).toBe(true)
    expect(await journal.lockAgain(term)).toBe(true)
    expect((await journal.locks()).map(({ system, runId }) => [system, runId])).toEqual([
      ['A', 'drill'],
      ['B', 'drill'],
    ])
    await expect(journal.lockAgain({ runId: 'drill', term: 1 })).rejects.toBeInstanceOf(TermLost)
  })
}
