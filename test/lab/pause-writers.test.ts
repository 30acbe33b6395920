import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { until } from '../../lab/drill/waiting.ts'
import { pairLab, type PairLab } from '../support/pair-lab.ts'

/*
 * Writers of a system are paused and resumed by runbooks, where the system is active.
 *
 * 1. An operator runs pause-writers on AID at Daejeon. It begins at once: it has no gate. A citizen's transaction is
 *    refused, what was stored before is still read, and other systems go on.
 * 2. resume-writers brings the writers back.
 * 3. A pause of a few seconds ends by the database's own clock: nobody resumes, and the daemons do nothing.
 * 4. Wrong requests are refused before anything is signed: the other site, a system without a database, a time that is
 *    too long, an input that is not there, a system that a run holds.
 */
describe('a pause of writers', () => {
  let lab: PairLab
  const aid = { address: '10.71.1.12', name: 'aid.gov.test' }

  beforeAll(async () => {
    lab = await pairLab()
  })
  afterAll(() => lab?.end())

  const argsOf = (name: string, site: string, ...more: string[]) => [
    ...['runbook', 'run', name, '--site', site, '--as', 'operator-1', '--confirm', name, '--quiet'],
    ...['--reason', 'storage is changed', ...more],
  ]
  const done = async (name: string, ...more: string[]) => {
    const { id } = (await lab.command(...argsOf(name, 'daejeon', '--systems', 'AID', ...more))) as {
      id: string
    }
    return lab.succeeded('daejeon', id)
  }
  let number = 0
  const write = (id: string) => lab.ask({ ...aid, method: 'POST', path: '/transactions', body: { id } })
  const freshWrite = () => write(`pause-test-${(number += 1)}`)
  const read = (id: string) => lab.ask({ ...aid, method: 'GET', path: `/transactions/${id}` })
  const citizensOf = async (id: string) => (await lab.record.read()).get(id)

  /** One transaction may be refused for another reason: a commit that waits for the standby of a busy machine. */
  async function writersBack(writing = freshWrite): Promise<void> {
    await until(async () => ((await writing()) < 300 ? { done: true } : { notYet: 'writers are refused' }), {
      what: 'writers are accepted',
      withinMs: 60_000,
      signal: new AbortController().signal,
    })
  }

  async function citizensServed(id: string): Promise<void> {
    await until(async () => ((await citizensOf(id))?.away === false ? { done: true } : { notYet: 'away' }), {
      what: `citizens are served by ${id}`,
      withinMs: 60_000,
      signal: new AbortController().signal,
    })
  }

  test('refuses writers, lets readers go on, and ends when it is told to', async () => {
    await writersBack(() => write('before-the-pause'))
    expect(await read('before-the-pause')).toBe(200)
    const paused = await done('pause-writers', '--input', 'seconds=600')
    expect(paused).toMatchObject({ mode: 'operation', fromSite: null, toSite: 'daejeon', gates: [] })
    expect(await freshWrite()).toBe(503)
    expect(await read('before-the-pause')).toBe(200)
    expect(await citizensOf('NSS')).toMatchObject({ away: false })

    await done('resume-writers')
    // Ten minutes before the pause would have ended by itself.
    await writersBack()
    await citizensServed('AID')
  })

  test('ends by itself when its time is over, with nobody acting', async () => {
    await done('pause-writers', '--input', 'seconds=12', '--input', 'graceSeconds=1')
    expect(await freshWrite()).toBe(503)
    const runs = (await lab.view.client('daejeon').call('runList', { query: {} })).items.length
    await writersBack()
    expect((await lab.view.client('daejeon').call('runList', { query: {} })).items).toHaveLength(runs)
  })

  test('resumed where nobody paused, nothing is done', async () => {
    const resumed = await done('resume-writers')
    expect(resumed.graph).toMatchObject([{ id: 'AID/resume', state: 'adopted', attempt: 0 }])
  })

  test.each<[string, string, string, string[], object]>([
    [
      'at the site where the system is not active',
      'pause-writers',
      'gwangju',
      ['AID'],
      { code: 'not-active-here', remedy: expect.stringContaining('--site daejeon') },
    ],
    [
      'of a system without a database',
      'pause-writers',
      'daejeon',
      ['NSS'],
      { code: 'plan-impossible', why: expect.stringMatching(/NSS\/pause.*has no database/) },
    ],
    [
      'of a longer time than the database allows',
      'pause-writers',
      'daejeon',
      ['AID', '--input', 'seconds=4000'],
      { code: 'plan-impossible', why: expect.stringMatching(/ttlSeconds.*3600/) },
    ],
    [
      'with an input that is not there',
      'pause-writers',
      'daejeon',
      ['AID', '--input', 'minutes=1'],
      { code: 'input-invalid', what: 'input minutes' },
    ],
    ['of a system that is not registered', 'pause-writers', 'daejeon', ['ZZZ'], { code: 'system-unknown' }],
    [
      'by a runbook that moves systems',
      'failover-stateless',
      'daejeon',
      ['NSS'],
      { code: 'plan-impossible', why: expect.stringContaining('for failover') },
    ],
    ['by a runbook that is not there', 'pause-writer', 'daejeon', ['AID'], { code: 'runbook-unknown' }],
  ])('%s is refused', async (_name, runbook, site, [systems = '', ...more], problem) => {
    expect(await lab.refused(...argsOf(runbook, site, '--systems', systems, ...more))).toMatchObject(problem)
  })
})
