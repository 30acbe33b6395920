import { expect, test } from 'vitest'
import { TermLost, type Holder, type Journal, type Term } from '#engine/journal/journal.ts'
import type { EngineEvent } from '#engine/state/events.ts'
import { isHaetaeError } from '#model/errors.ts'
import type { PlanMode } from '#plan/plan.ts'
import { gate, node, planOf } from '../sim/world/plans.ts'

const mine: Holder = { daemon: 'gwangju', incarnation: 'gwangju/1' }
const restarted: Holder = { daemon: 'gwangju', incarnation: 'gwangju/2' }
const other: Holder = { daemon: 'gwangju-2', incarnation: 'gwangju-2/1' }
const longMs = 60_000
const briefMs = 50

/** No plan of a drill is made yet; the rule that it gives way stands already. */
function newRun(id: string, systems: string[], mode: 'failover' | 'drill' = 'failover') {
  const made = planOf([
    gate('approve'),
    ...systems.map((system) => node(`${system}/promote`, 'sim.promote', ['approve'])),
  ])
  const plan = { ...made, subject: { ...made.subject, mode: mode as PlanMode } }
  return { id, plan, requester: 'operator-1', reason: '전원 상실', systems }
}

const intent: EngineEvent = {
  kind: 'intended',
  node: 'A/promote',
  attempt: 1,
  input: 'sha256:0',
  key: 'r/A/promote',
  epoch: 3,
}
const done: EngineEvent = { kind: 'succeeded', node: 'A/promote', output: { at: 'φ', n: 1.5 } }
const ended: EngineEvent = { kind: 'run-ended', outcome: 'succeeded' }

async function held(journal: Journal, id: string, systems: string[], by = mine): Promise<Term> {
  await journal.create(newRun(id, systems))
  const term = await journal.acquire(id, by, longMs)
  if (term === undefined) throw new Error('a new run was not free')
  return term
}

function codeOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => 'no error',
    (error: unknown) => (isHaetaeError(error) ? error.code : error),
  )
}

/**
 * What every journal must do. `open` gives an empty one; `pass` lets that much time pass on its clock.
 * Run on memory and on PostgreSQL: the simulation is worth what this holds equal.
 */
export function journalConformance(open: () => Journal, pass: (ms: number) => Promise<void>): void {
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

  test('runs are listed newest first, page by page, of one system when asked', async () => {
    const journal = open()
    await journal.create(newRun('r1', ['A']))
    await journal.create(newRun('r2', ['B']))
    await journal.create(newRun('r3', ['C']))
    const ids = async (filter: Parameters<Journal['runs']>[0]) =>
      (await journal.runs(filter)).map((row) => row.id)
    expect(await ids({})).toEqual(['r3', 'r2', 'r1'])
    expect(await ids({ before: 'r3', limit: 1 })).toEqual(['r2'])
    expect(await ids({ system: 'A', limit: 1 })).toEqual(['r1'])
  })

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

  test('runs are listed newest first, by pages, and the open ones apart', async () => {
    const journal = open()
    const term = await held(journal, 'a', ['A'])
    await journal.create(newRun('c', ['C']))
    await journal.create(newRun('b', ['B']))
    await journal.append(term, [ended])
    const ids = async (filter: Parameters<Journal['runs']>[0]) =>
      (await journal.runs(filter)).map(({ id }) => id)
    expect(await ids({})).toEqual(['b', 'c', 'a'])
    expect(await ids({ limit: 1, before: 'b' })).toEqual(['c'])
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
