import { expect, test } from 'vitest'
import { done, held, intent, type Open } from './runs.ts'

/** What is written: by the holder of a run, and by people. */
export function appendTests(open: Open): void {
  test('appended records are read in order, with what they carry, from a sequence number on', async () => {
    const journal = open()
    const term = await held(journal, 'r', ['A'])
    const written = await journal.append(term, [{ kind: 'run-started' }, intent])
    expect(written.map(({ seq }) => seq)).toEqual([3, 4])
    await journal.append(term, [done])
    const records = await journal.read('r', 2, 2)
    expect(records).toEqual(written)
    expect((await journal.read('r', 4, 10)).map(({ event }) => event)).toEqual([done])
    expect(records[0]).toMatchObject({ term: 1, actor: 'gwangju' })
    expect(await journal.run('r')).toMatchObject({ state: 'running', lastSeq: 5, nodesDone: 1 })
  })

  test('appends that arrive together keep their order and have no gap', async () => {
    const journal = open()
    const term = await held(journal, 'r', ['A'])
    const says = Array.from({ length: 40 }, (_, index) => ({
      kind: 'progress' as const,
      node: 'A/promote',
      message: `${index}`,
    }))
    const written = await Promise.all(says.map((event) => journal.append(term, [event])))
    expect(written.flat().map(({ seq }) => seq)).toEqual(says.map((_, index) => index + 3))
    expect((await journal.read('r', 2, 100)).map(({ event }) => event)).toEqual(says)
  })

  test('an append with an event that does not fit the run writes nothing, and spoils no other', async () => {
    const journal = open()
    const r = await held(journal, 'r', ['A'])
    const s = await held(journal, 's', ['B'])
    const [bad, good] = await Promise.allSettled([
      journal.append(r, [intent, { kind: 'run-created', digest: '', requester: '', reason: '' }]),
      journal.append(s, [{ kind: 'run-started' }]),
    ])
    expect([bad?.status, good?.status]).toEqual(['rejected', 'fulfilled'])
    expect((await journal.run('r'))?.lastSeq).toBe(2)
    expect((await journal.run('s'))?.state).toBe('running')
  })

  test('what people ask needs no term and is told apart from everything else', async () => {
    const journal = open()
    const term = await held(journal, 'r', ['A'])
    const seq = await journal.command('r', { verb: 'cancel', reason: 'wrong site' }, 'commander-1')
    await journal.append(term, [{ kind: 'run-started' }])
    expect(seq).toBe(3)
    const found = await journal.commands(new Map([['r', 2]]))
    expect(found).toMatchObject([
      {
        runId: 'r',
        seq: 3,
        term: 0,
        actor: 'commander-1',
        event: { command: { verb: 'cancel', reason: 'wrong site' } },
      },
    ])
    expect(await journal.commands(new Map([['r', 3]]))).toEqual([])
    expect((await journal.read('r', 2, 5)).map(({ event }) => event.kind)).toEqual(['command', 'run-started'])
  })
}
