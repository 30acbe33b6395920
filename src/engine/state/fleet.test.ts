import fc from 'fast-check'
import { expect, test } from 'vitest'
import { admitted, type FleetItem, type FleetLimits } from './fleet.ts'

type State = FleetItem['state']

function fleet(states: readonly State[], needs: Record<number, number[]> = {}): FleetItem[] {
  return states.map((state, nth) => ({
    id: String(nth),
    state,
    prerequisites: (needs[nth] ?? []).map(String),
  }))
}

const waiting = (count: number): State[] => Array.from({ length: count }, () => 'waiting')
const all = { maxFailures: 0 }

test('without limits all begin at once', () => {
  expect(admitted(fleet(waiting(3)), all)).toEqual(['0', '1', '2'])
})

test('the ramp lets a group begin when the one before it has ended', () => {
  const limits = { ...all, ramp: [1, 2] }
  expect(admitted(fleet(waiting(5)), limits)).toEqual(['0'])
  expect(admitted(fleet(['begun', ...waiting(4)]), limits)).toEqual([])
  expect(admitted(fleet(['done', ...waiting(4)]), limits)).toEqual(['1', '2'])
  expect(admitted(fleet(['done', 'done', 'begun', ...waiting(2)]), limits)).toEqual([])
  expect(admitted(fleet(['done', 'done', 'done', ...waiting(2)]), limits)).toEqual(['3', '4'])
})

test('behind the ramp each that ends makes place for the next', () => {
  const limits = { ...all, maxParallel: 2 }
  expect(admitted(fleet(waiting(5)), limits)).toEqual(['0', '1'])
  expect(admitted(fleet(['begun', 'done', ...waiting(3)]), limits)).toEqual(['2'])
})

test('more failures than may be let none begin any more', () => {
  expect(admitted(fleet(['failed', ...waiting(2)]), { maxFailures: 1 })).toEqual(['1', '2'])
  expect(admitted(fleet(['failed', 'failed', 'waiting']), { maxFailures: 1 })).toBeUndefined()
})

test('one that is held back keeps only those back that cannot serve without it, also from the ramp', () => {
  const items = fleet(['held', 'waiting', 'waiting', 'waiting'], { 1: [0], 2: [1] })
  expect(admitted(items, { ...all, ramp: [1, 1, 1] })).toEqual(['3'])
})

const fleets = fc
  .tuple(
    fc.array(
      fc.record({
        needs: fc.array(fc.nat(20), { maxLength: 3 }),
        fate: fc.constantFrom('done', 'failed', 'held'),
      }),
      { minLength: 1, maxLength: 20 },
    ),
    fc.record({
      maxFailures: fc.nat(3),
      maxParallel: fc.option(fc.integer({ min: 1, max: 5 }), { nil: undefined }),
      ramp: fc.option(fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 4 }), { nil: undefined }),
    }),
  )
  .map(([specs, { maxFailures, maxParallel, ramp }]) => ({
    specs,
    limits: {
      maxFailures,
      ...(maxParallel === undefined ? {} : { maxParallel }),
      ...(ramp === undefined ? {} : { ramp }),
    } satisfies FleetLimits,
    items: specs.map(({ needs }, nth): FleetItem => ({
      id: String(nth),
      state: 'waiting',
      prerequisites: [...new Set(needs.filter((other) => other < nth))].map(String),
    })),
  }))

test('every fleet comes to a rest: then nothing begins but what is held back, behind it, or stopped by failures', () => {
  fc.assert(
    fc.property(fleets, fc.func(fc.nat()), ({ specs, items, limits }, pick) => {
      for (let round = 0; ; round++) {
        const begin = admitted(items, limits) ?? []
        for (const id of begin) {
          const item = items[Number(id)] as FleetItem
          expect(item.state).toBe('waiting')
          for (const other of item.prerequisites)
            expect(
              ['begun', 'done', 'failed'].includes(items[Number(other)]?.state ?? '') ||
                begin.includes(other),
            ).toBe(true)
        }
        for (const id of begin) {
          const item = items[Number(id)] as FleetItem
          item.state = specs[Number(id)]?.fate === 'held' ? 'held' : 'begun'
        }
        const begun = items.filter(({ state }) => state === 'begun')
        expect(begun.length).toBeLessThanOrEqual(limits.maxParallel ?? Infinity)
        if (begun.length === 0 && begin.length === 0) break
        const ends = begun[pick(round) % begun.length]
        if (ends !== undefined) ends.state = specs[Number(ends.id)]?.fate === 'failed' ? 'failed' : 'done'
      }
      const failed = items.filter(({ state }) => state === 'failed').length
      const reachesHeld = (item: FleetItem): boolean =>
        item.prerequisites.some((other) => {
          const it = items[Number(other)] as FleetItem
          return it.state === 'held' || (it.state === 'waiting' && reachesHeld(it))
        })
      for (const item of items)
        if (item.state === 'waiting') expect(failed > limits.maxFailures || reachesHeld(item)).toBe(true)
    }),
  )
})
