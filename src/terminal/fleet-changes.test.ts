import { expect, test } from 'vitest'
import type { FleetChanges, Plan } from '#plan/plan.ts'
import { fleetChangeLines } from './fleet-changes.ts'
import { displayWidth } from './width.ts'

const none = { exact: 0, predicted: 0, opaque: 0, refused: 0, notLooked: 0 }
const shown = (fleet: FleetChanges | undefined, language: 'ko' | 'en' = 'en') =>
  fleetChangeLines({ observed: { at: '', changes: {}, fleet } } as unknown as Plan, language)

test('the changes of a fleet are counted by site and step type, and what nobody looked at is said', () => {
  const fleet: FleetChanges = {
    systems: { all: 709, looked: 700 },
    kinds: [
      { ...none, site: 'daejeon', type: 'pg.status', opaque: 2 },
      { ...none, site: 'gwangju', type: 'k8s.scale', exact: 699, predicted: 1, refused: 3, notLooked: 9 },
    ],
    bySystem: { A: { ...none, exact: 1, refused: 1 }, B: { ...none, refused: 2, opaque: 2 }, C: none },
    left: [{ why: { ko: '시간이 없음', en: 'no time' }, systems: 9, such: ['X', 'Y'] }],
  }
  expect(shown(fleet).map((line) => line.trim().replaceAll(/ {2,}/g, '  '))).toEqual([
    "What changes (counted from the systems' own plans)",
    '- every step of 700 of 709 systems was looked at; for one system after the other: --only SYSTEM',
    '- not looked at: 9 systems (X, Y, …): no time',
    'site  step type  exact  predicted  opaque  refused  steps not looked at',
    'daejeon  pg.status  0  0  2  0  0',
    'gwangju  k8s.scale  699  1  0  3  9',
    'all  699  1  2  3  9',
    '- systems in which a target refuses something: B 2, A 1',
    '- systems with something opaque: B 2',
  ])
  for (const line of shown(fleet, 'ko')) expect(displayWidth(line)).toBeLessThanOrEqual(100)
})

test('a fleet at which nobody has looked is not said to change nothing', () => {
  const text = shown(undefined).join('\n')
  expect(text).toContain('nobody has looked')
  expect(text).not.toContain('nothing changes')
})
