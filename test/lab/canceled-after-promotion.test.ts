import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { pairLab, type PairLab } from '../support/pair-lab.ts'
import { approve, cancelHalfway, citizensReach, failoverOf, loseHome, onRecord, to } from './half-moved.ts'

const open = ['runbook', 'run', 'open-promoted', '--systems', 'AID', '--site', to, '--as', 'operator-1']

/*
 * A failover of a system with a database is canceled between the promotion and the traffic.
 *
 * 1. AID is at Daejeon: open-promoted, which opens what was promoted, is refused at Gwangju.
 * 2. Daejeon loses its power. No node of Gwangju takes pods. AID is taken over, its database is promoted, and its workloads
 *    are told to start; the run is canceled.
 * 3. A second failover is refused, and says what to do: there is nothing to promote.
 * 4. The node takes pods again. open-promoted is run and approved. AID is open at Gwangju, by the epoch of its promotion.
 */
describe('a failover of a system with a database that was canceled after the promotion', () => {
  let lab: PairLab
  beforeAll(async () => {
    lab = await pairLab()
  })
  afterAll(() => lab?.end())

  test('is finished by the runbook that opens what was promoted', async () => {
    const args = [...open, '--reason', 'finish the failover', '--confirm', 'open-promoted', '--quiet']
    expect(await lab.refused(...args)).toMatchObject({ code: 'not-active-here' })

    await loseHome(lab)
    const canceled = await cancelHalfway(lab, 'AID')
    const { graph } = await lab.view.run(to, canceled)
    expect(graph.find(({ id }) => id === 'AID/promote')?.state).toBe('succeeded')
    const refused = await lab.refused(...failoverOf('AID'))
    expect(refused).toMatchObject({
      code: 'already-active',
      remedy: expect.stringContaining('open-promoted'),
    })

    const { id } = (await lab.command(...args)) as { id: string }
    await approve(lab, id, 'approve')
    const opened = await lab.succeeded(to, id)
    expect(opened.graph.map((node) => node.id)).toEqual([
      'approve',
      ...['epoch', 'start', 'ready', 'check', 'traffic'].map((step) => `AID/${step}`),
    ])
    await citizensReach(lab, 'AID', '10.72.1.12')
    expect(await onRecord(lab, 'AID')).toEqual({ activeSite: to, epoch: 2 })
  })
})
