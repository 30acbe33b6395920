import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { dueTimes } from '#schedule/due.ts'
import { slotStore, type Claimant } from '#schedule/slots.ts'
import { databasePerTest } from '../support/postgres.ts'

const database = databasePerTest()
const me: Claimant = { daemon: 'haetae-gwangju', incarnation: 'one' }
const now = Date.parse('2026-11-24T06:00:00Z')
const slot = { policy: 'daily', subject: 'GPK', dueAt: now - 1_000, askedBy: 'policy daily' }

describe('due slots', () => {
  test('a due time is one slot, however often it is added', async () => {
    const slots = slotStore(database().pool)
    expect(await slots.add(slot)).toMatchObject({ state: 'due', attempts: 0 })
    expect(await slots.add(slot)).toBeUndefined()
    expect(await slots.due(now, 10)).toHaveLength(1)
  })

  test('of many claimants one gets the slot', async () => {
    const slots = slotStore(database().pool)
    const { id = '' } = (await slots.add(slot)) ?? {}
    const claims = await Promise.all(
      Array.from({ length: 8 }, (_, n) =>
        slots.claim(id, { daemon: 'd', incarnation: String(n) }, now, 60_000),
      ),
    )
    expect(claims.filter((claim) => claim !== undefined)).toHaveLength(1)
  })

  test('two slots of one subject are never worked on at once', async () => {
    const slots = slotStore(database().pool)
    const first = await slots.add(slot)
    const second = await slots.add({ ...slot, policy: 'hourly' })
    expect(await slots.claim(first?.id ?? '', me, now, 60_000)).toBeDefined()
    expect(await slots.claim(second?.id ?? '', me, now, 60_000)).toBeUndefined()
    await slots.finish(database().pool, first?.id ?? '', me, 'succeeded', now, null)
    expect(await slots.claim(second?.id ?? '', me, now, 60_000)).toBeDefined()
  })

  test('a slot that is given back waits for its time, and counts its attempts', async () => {
    const slots = slotStore(database().pool)
    const { id = '' } = (await slots.add(slot)) ?? {}
    await slots.claim(id, me, now, 60_000)
    await slots.giveBack(database().pool, id, me, now + 5_000, 'it failed')
    expect(await slots.due(now, 10)).toEqual([])
    expect(await slots.claim(id, me, now, 60_000)).toBeUndefined()
    expect(await slots.claim(id, me, now + 5_000, 60_000)).toMatchObject({ attempts: 2 })
  })

  test('claims of an earlier start of the same daemon are opened at once, those of others when their lease is over', async () => {
    const slots = slotStore(database().pool)
    const mine = await slots.add(slot)
    const other = await slots.add({ ...slot, subject: 'AID' })
    await slots.claim(mine?.id ?? '', me, now, 60_000)
    await slots.claim(other?.id ?? '', { daemon: 'worker-9', incarnation: 'x' }, now, 60_000)
    const next = { ...me, incarnation: 'two' }
    expect((await slots.reopen(next, now)).map(({ subject }) => subject)).toEqual(['GPK'])
    expect(await slots.reopen(next, now + 30_000)).toEqual([])
    expect((await slots.reopen(next, now + 61_000)).map(({ subject }) => subject)).toEqual(['AID'])
  })

  test('a claim of this very process whose end was not written is opened when its lease is over, unless it is at work', async () => {
    const slots = slotStore(database().pool)
    const { id = '' } = (await slots.add(slot)) ?? {}
    await slots.claim(id, me, now, 60_000)
    expect(await slots.reopen(me, now + 59_000)).toEqual([])
    expect(await slots.reopen(me, now + 61_000, [id])).toEqual([])
    expect((await slots.reopen(me, now + 61_000)).map(({ subject }) => subject)).toEqual(['GPK'])
    expect(await slots.claim(id, me, now + 61_000, 60_000)).toMatchObject({ attempts: 2 })
  })

  test('a claim that was taken away can neither be renewed nor ended', async () => {
    const slots = slotStore(database().pool)
    const { id = '' } = (await slots.add(slot)) ?? {}
    await slots.claim(id, me, now, 1_000)
    const next = { ...me, incarnation: 'two' }
    await slots.reopen(next, now + 2_000)
    expect(await slots.renew(id, me, now, 1_000)).toBe(false)
    expect(await slots.finish(database().pool, id, me, 'succeeded', now, null)).toBe(false)
    expect(await slots.giveBack(database().pool, id, me, now, 'x')).toBe(false)
  })
})

describe('due times', () => {
  const hour = 3_600_000

  test('a time is due once, and what passed meanwhile is missed', () => {
    const first = dueTimes('p', 's', hour, undefined, now)
    expect(first.missed).toEqual([])
    const due = first.due ?? 0
    expect(dueTimes('p', 's', hour, due, now)).toEqual({ missed: [], due: undefined })
    expect(dueTimes('p', 's', hour, due, due + 3 * hour)).toEqual({
      missed: [due + hour, due + 2 * hour],
      due: due + 3 * hour,
    })
  })

  test('whatever the pace of looking, every time is due or missed exactly once', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 5 * hour }), { maxLength: 30 }), (pauses) => {
        let at = now
        let after = dueTimes('p', 's', hour, undefined, at).due ?? 0
        const start = after
        const seen: number[] = []
        for (const pause of pauses) {
          at += pause
          const { missed, due } = dueTimes('p', 's', hour, after, at)
          seen.push(...missed, ...(due === undefined ? [] : [due]))
          after = due ?? after
        }
        expect(seen).toEqual(seen.map((_, n) => start + (n + 1) * hour))
        expect(after).toBeLessThanOrEqual(at)
        expect(at - after).toBeLessThan(hour)
      }),
    )
  })
})
