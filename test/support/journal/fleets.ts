import { expect, test } from 'vitest'
import { TermLost, type Term } from '#engine/journal/journal.ts'
import { ended, held, longMs, newRun, other, restarted, type Open } from './runs.ts'

/** Fleets, and the runs that are parts of them. */
export function fleetTests(open: Open): void {
  test('a part of a fleet is created under the hold on the fleet only, and is listed as its part', async () => {
    const journal = open()
    const fleet = await held(journal, 'fleet', [])
    await journal.create({ ...newRun('fleet.A', ['A']), parent: fleet })
    const newer = await journal.acquire('fleet', restarted, longMs)
    const late = journal.create({ ...newRun('fleet.B', ['B']), parent: fleet })
    await expect(late).rejects.toThrow(TermLost)
    expect(await journal.run('fleet.B')).toBeUndefined()
    await journal.create({ ...newRun('fleet.B', ['B']), parent: newer as Term })
    expect((await journal.runs({ parent: 'fleet' })).map(({ id, parent }) => [id, parent])).toEqual([
      ['fleet.B', 'fleet'],
      ['fleet.A', 'fleet'],
    ])
    expect((await journal.runs({ parent: null })).map(({ id }) => id)).toEqual(['fleet'])
    expect(await journal.runs({})).toHaveLength(3)
  })

  test('what was asked of a fleet is passed on to its parts under the hold on the fleet only', async () => {
    const journal = open()
    const fleet = await held(journal, 'fleet', [])
    await journal.create({ ...newRun('fleet.A', ['A']), parent: fleet })
    const pause = { verb: 'pause' as const, reason: 'wait' }
    expect(await journal.command('fleet.A', pause, 'operator-1', fleet)).toBe(2)
    await journal.command('fleet.A', pause, 'sre-1')
    await journal.acquire('fleet', restarted, longMs)
    await expect(journal.command('fleet.A', pause, 'operator-1', fleet)).rejects.toThrow(TermLost)
    const records = await journal.read('fleet.A', 1, 10)
    expect(records.map(({ actor, event }) => [actor, event])).toEqual([
      ['operator-1', { kind: 'command', command: pause, by: 'operator-1', fleet: true }],
      ['sre-1', { kind: 'command', command: pause, by: 'sre-1' }],
    ])
  })

  test('a fleet that is taken over ends with the parts of it that have not ended', async () => {
    const journal = open()
    const fleet = await held(journal, 'fleet', [])
    for (const system of ['A', 'B']) {
      await journal.create({ ...newRun(`fleet.${system}`, [system]), parent: fleet })
    }
    const over = (await journal.acquire('fleet.A', other, longMs)) as Term
    await journal.append(over, [ended])
    const term = (await journal.acquire('fleet.B', other, longMs)) as Term
    const by = ['approver-1', 'approver-2']
    expect((await journal.takeOver('fleet', by, 'it hangs')).toSorted()).toEqual(['fleet', 'fleet.B'])
    await expect(journal.append(term, [{ kind: 'run-started' }])).rejects.toThrow(TermLost)
    const states = (await journal.runs({})).map(({ id, state }) => [id, state])
    expect(Object.fromEntries(states)).toEqual({
      fleet: 'canceled',
      'fleet.A': 'succeeded',
      'fleet.B': 'canceled',
    })
    expect(await journal.locks()).toEqual([])
  })
}
