import { expect, test } from 'vitest'
import { TermLost, type Journal } from '#engine/journal/journal.ts'
import { codeOf, done, ended, held, intent, longMs, mine, newRun, type Open } from './runs.ts'

/** A run from its first record to its end, and how runs are listed. */
export function lifeTests(open: Open): void {
  test('a run is stored with its plan, its systems and its first record', async () => {
    const journal = open()
    const run = newRun('r', ['A', 'B'])
    await journal.create(run)
    const row = await journal.run('r')
    expect(row).toMatchObject({
      id: 'r',
      mode: 'failover',
      fromSite: 'daejeon',
      toSite: 'gwangju',
      planDigest: run.plan.digest,
      requester: 'operator-1',
      reason: '전원 상실',
      systems: ['A', 'B'],
      state: 'waiting',
      endedAt: null,
      lastSeq: 1,
      term: 0,
      holder: null,
      nodes: 3,
      nodesDone: 0,
    })
    expect(await journal.plan('r')).toEqual(run.plan)
    const records = await journal.read('r', 0, 10)
    expect(records).toMatchObject([
      { runId: 'r', seq: 1, term: 0, actor: 'operator-1', event: { kind: 'run-created' } },
    ])
    expect(records[0]?.at).toBe(row?.createdAt)
    expect((await journal.locks()).map(({ system, runId }) => [system, runId])).toEqual([
      ['A', 'r'],
      ['B', 'r'],
    ])
  })

  test('an ended run lets its systems go, cannot be taken or written, and is told as ended', async () => {
    const journal = open()
    const term = await held(journal, 'r', ['A'])
    await journal.append(term, [{ kind: 'run-started' }, intent, done, ended])
    expect(await journal.run('r')).toMatchObject({ state: 'succeeded', nodesDone: 1 })
    expect((await journal.run('r'))?.endedAt).not.toBeNull()
    expect(await journal.locks()).toEqual([])
    expect(await journal.takeable('gwangju')).toEqual([])
    expect(await journal.acquire('r', mine, longMs)).toBeUndefined()
    await expect(journal.append(term, [intent])).rejects.toBeInstanceOf(TermLost)
    expect(await codeOf(journal.command('r', { verb: 'cancel', reason: '' }, 'operator-1'))).toBe('run-ended')
    await journal.create(newRun('s', ['A']))
  })

  test('runs are listed newest first, page by page; those of one system, and the open ones, apart', async () => {
    const journal = open()
    const term = await held(journal, 'a', ['A'])
    await journal.create(newRun('c', ['C']))
    await journal.create(newRun('b', ['B']))
    await journal.append(term, [ended])
    const ids = async (filter: Parameters<Journal['runs']>[0]) =>
      (await journal.runs(filter)).map(({ id }) => id)
    expect(await ids({})).toEqual(['b', 'c', 'a'])
    expect(await ids({ limit: 1, before: 'b' })).toEqual(['c'])
    expect(await ids({ system: 'A', limit: 1 })).toEqual(['a'])
    expect(await ids({ open: true })).toEqual(['b', 'c'])
  })

  test('a run that is not there is unknown', async () => {
    const journal = open()
    expect(await journal.run('x')).toBeUndefined()
    expect(await codeOf(journal.plan('x'))).toBe('run-unknown')
    expect(await codeOf(journal.acquire('x', mine, longMs))).toBe('run-unknown')
    expect(await codeOf(journal.command('x', { verb: 'cancel', reason: '' }, 'operator-1'))).toBe(
      'run-unknown',
    )
    await expect(journal.append({ runId: 'x', term: 1 }, [intent])).rejects.toBeInstanceOf(TermLost)
  })
}
