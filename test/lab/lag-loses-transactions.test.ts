import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { playDrill, type PlayedDrill } from '../support/drill.ts'

/*
 * Replication that lags behind loses what was acknowledged, and the report names it.
 *
 * 1. Everything serves. The replication of procurement is cut; citizens go on and are acknowledged.
 * 2. Daejeon loses power three seconds later; the failover is as always.
 * 3. The report lists acknowledged transactions of procurement that its database does not have, and of no other one.
 */
describe('a system whose replication lags when its site is lost', () => {
  let played: PlayedDrill

  beforeAll(async () => {
    played = await playDrill({ lag: 'G2B' })
  })
  afterAll(() => played?.end())

  test('loses the transactions that were acknowledged since, and they are listed one by one', () => {
    const lossAt = Date.parse(played.report.loss.at)
    const lost = played.report.systems.find(({ id }) => id === 'G2B')?.citizens.lost ?? []
    expect(lost.length).toBeGreaterThan(3)
    for (const { id, acknowledgedAt } of lost) {
      expect(id).toMatch(/^G2B-/)
      expect(Date.parse(acknowledgedAt)).toBeGreaterThan(lossAt - 30_000)
      expect(Date.parse(acknowledgedAt)).toBeLessThanOrEqual(lossAt)
      expect(played.page).toContain(id)
    }
  })

  test('has a recovery point that is behind by what was lost', () => {
    const system = played.report.systems.find(({ id }) => id === 'G2B')
    expect(system?.haetae.rpo?.ms).toBeGreaterThan(1_000)
  })

  test('leaves every other system without a loss, and all of them serve again', () => {
    for (const { id, citizens } of played.report.systems) {
      expect(citizens.awayMs, id).not.toBeNull()
      if (id !== 'G2B') expect(citizens.lost.length, id).toBeLessThan(3)
    }
  })
})
