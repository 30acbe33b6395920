import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { pairLab, type PairLab } from '../support/pair-lab.ts'
import {
  approve,
  cancelHalfway,
  citizensReach,
  declare,
  failoverOf,
  loseHome,
  onRecord,
  to,
} from './half-moved.ts'

/*
 * A failover of a system without a database is canceled between the authority and the traffic.
 *
 * 1. Daejeon loses its power. AID is taken to Gwangju.
 * 2. No node of Gwangju takes pods. NSS is taken over and told to start; its run is canceled. NSS is on record at Gwangju
 *    and serves nowhere.
 * 3. The node takes pods again. The next failover from Daejeon names no systems: it takes NSS along, and not AID.
 * 4. NSS is open at Gwangju, by a newer epoch. A further failover of it is refused: it is there.
 */
describe('a failover of a system without a database that was canceled before it was open', () => {
  let lab: PairLab
  beforeAll(async () => {
    lab = await pairLab()
  })
  afterAll(() => lab?.end())

  test('is taken up by the next one', async () => {
    await loseHome(lab)
    const first = await declare(lab, 'AID')
    await approve(lab, first, 'approve', 'attest')
    await lab.succeeded(to, first)

    await cancelHalfway(lab, 'NSS')
    expect(await onRecord(lab, 'NSS')).toEqual({ activeSite: to, epoch: 2 })

    const next = await declare(lab)
    await approve(lab, next, 'approve', 'attest')
    const { graph } = await lab.succeeded(to, next)
    expect(new Set(graph.flatMap(({ system }) => system ?? []))).toEqual(new Set(['NSS']))
    await citizensReach(lab, 'NSS', '10.72.1.13')
    expect(await onRecord(lab, 'NSS')).toEqual({ activeSite: to, epoch: 3 })

    expect(await lab.refused(...failoverOf('NSS'))).toMatchObject({ code: 'already-active' })
  })
})
