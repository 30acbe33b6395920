import { expect, test } from 'vitest'
import { TermLost } from '#engine/journal/journal.ts'
import { codeOf, done, held, intent, longMs, mine, newRun, type Open } from './runs.ts'

/** A run that two people take from its holder. */
export function takeOverTests(open: Open): void {
  test('a run of which nothing was under way has ended when it is taken over: its systems are free', async () => {
    const journal = open()
    const term = await held(journal, 'r', ['A', 'B'])
    await journal.takeOver('r', ['approver-1', 'commander-1'], 'its holder hangs')
    expect(await journal.run('r')).toMatchObject({ state: 'canceled', term: 2, holder: null, nodesDone: 3 })
    await expect(journal.append(term, [done])).rejects.toBeInstanceOf(TermLost)
    expect(await journal.renew(mine, longMs)).toEqual([])
    expect(await journal.acquire('r', mine, longMs)).toBeUndefined()
    expect(await journal.locks()).toEqual([])
    expect(await codeOf(journal.takeOver('r', ['approver-1', 'commander-1'], 'again'))).toBe('run-ended')
    expect(await codeOf(journal.takeOver('x', [], ''))).toBe('run-unknown')
    await journal.create(newRun('s', ['A']))
  })

  test('a run that is taken over in the middle: its holder writes nothing, and who takes it next looks', async () => {
    const journal = open()
    const term = await held(journal, 'r', ['A', 'B'])
    await journal.append(term, [{ kind: 'run-started' }, intent])
    await journal.takeOver('r', ['approver-1', 'commander-1'], 'its holder hangs')
    expect(await journal.run('r')).toMatchObject({ state: 'running', term: 2, holder: null, nodesDone: 2 })
    await expect(journal.append(term, [done])).rejects.toBeInstanceOf(TermLost)
    expect(await journal.renew(mine, longMs)).toEqual([])
    expect((await journal.locks()).map(({ runId }) => runId)).toEqual(['r', 'r'])
    const told = (await journal.read('r', 4, 20)).map(({ event, term, actor }) => ({ ...event, term, actor }))
    expect(told).toMatchObject([
      {
        kind: 'run-taken-over',
        by: ['approver-1', 'commander-1'],
        term: 2,
        actor: 'approver-1, commander-1',
      },
      { kind: 'node-canceled', node: 'approve', left: 'untouched' },
      { kind: 'attempt-unknown', node: 'A/promote' },
      { kind: 'node-canceled', node: 'B/promote', left: 'untouched' },
    ])
    // Asked for again before there was time to look: nothing happens.
    await journal.takeOver('r', ['approver-1', 'commander-1'], 'again')
    expect(await journal.run('r')).toMatchObject({ term: 2, lastSeq: 8 })
    expect(await journal.takeable('other')).toContain('r')
    expect(await journal.acquire('r', mine, longMs)).toEqual({ runId: 'r', term: 3 })
  })
}
