import { expect, test } from 'vitest'
import { TermLost } from '#engine/journal/journal.ts'
import { briefMs, held, intent, longMs, mine, newRun, other, restarted, type Open } from './runs.ts'

/** Who holds a run, and until when. `pass` lets that much time pass on the clock of the journal. */
export function termTests(open: Open, pass: (ms: number) => Promise<void>): void {
  test('a held run is refused to another daemon, and is free once its term has expired', async () => {
    const journal = open()
    await journal.create(newRun('r', ['A']))
    const term = { runId: 'r', term: 1 }
    expect(await journal.acquire('r', mine, longMs)).toEqual(term)
    expect(await journal.acquire('r', other, longMs)).toBeUndefined()
    expect(await journal.takeable('gwangju-2')).toEqual([])
    expect(await journal.renew(mine, briefMs)).toEqual([term])
    await pass(briefMs + 30)
    expect(await journal.takeable('gwangju-2')).toEqual(['r'])
    expect(await journal.acquire('r', other, longMs)).toEqual({ runId: 'r', term: 2 })
    expect(await journal.acquire('r', mine, longMs)).toBeUndefined()
  })

  test('a renewed term does not expire', async () => {
    const journal = open()
    await journal.create(newRun('r', ['A']))
    const firstMs = 1_000 // long enough for a busy machine to renew in
    const term = await journal.acquire('r', mine, firstMs)
    expect(await journal.renew(mine, longMs)).toEqual([term])
    await pass(firstMs + 30)
    expect(await journal.acquire('r', other, longMs)).toBeUndefined()
    expect(await journal.renew(other, longMs)).toEqual([])
  })

  test('a restarted daemon takes its own run at once, and the earlier term can write nothing', async () => {
    const journal = open()
    const stale = await held(journal, 'r', ['A'])
    expect(await journal.takeable('gwangju')).toEqual(['r'])
    const term = await journal.acquire('r', restarted, longMs)
    expect(term).toEqual({ runId: 'r', term: 2 })
    await expect(journal.append(stale, [intent])).rejects.toBeInstanceOf(TermLost)
    expect(await journal.renew(mine, longMs)).toEqual([])
    if (term !== undefined) await journal.append(term, [intent])
    expect((await journal.read('r', 0, 10)).map(({ event, term }) => [event.kind, term])).toEqual([
      ['run-created', 0],
      ['term-taken', 1],
      ['term-taken', 2],
      ['intended', 2],
    ])
  })

  test('of two daemons that take a free run at once, one gets it', async () => {
    const journal = open()
    await journal.create(newRun('r', ['A']))
    const terms = await Promise.all([journal.acquire('r', mine, longMs), journal.acquire('r', other, longMs)])
    expect(terms.filter((term) => term !== undefined)).toEqual([{ runId: 'r', term: 1 }])
  })

  test('a released run is free at once; releasing a term that is over does nothing', async () => {
    const journal = open()
    const term = await held(journal, 'r', ['A'])
    await journal.release(term)
    await expect(journal.append(term, [intent])).rejects.toBeInstanceOf(TermLost)
    expect(await journal.acquire('r', other, longMs)).toEqual({ runId: 'r', term: 2 })
    await journal.release(term)
    expect(await journal.acquire('r', mine, longMs)).toBeUndefined()
  })
}
