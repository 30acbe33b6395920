import { expect, test } from 'vitest'
import type { Authority } from '#authority/types.ts'
import type { Plan } from '#plan/plan.ts'
import { authorityHeld } from './authority-held.ts'

const newest: Authority = {
  system: 'GPK',
  epoch: 7,
  site: 'gwangju',
  runId: 'F-1',
  at: '2026-11-24T06:00:00.000Z',
}
const held = authorityHeld({
  epochOf: async (runId) => (runId === newest.runId ? newest.epoch : undefined),
  current: async (system) => (system === newest.system ? newest : undefined),
})
const plan = (mode: string, toSite: string) => ({ subject: { mode, toSite } }) as Plan

test('a failover acts only under the epoch that it took itself', async () => {
  expect(await held.epochOf('F-1', 'GPK', plan('failover', 'gwangju'))).toBe(7)
  expect(await held.epochOf('F-2', 'GPK', plan('failover', 'gwangju'))).toBeUndefined()
})

test('an operation acts under the epoch of its site, as long as that is the newest', async () => {
  expect(await held.epochOf('O-1', 'GPK', plan('operation', 'gwangju'))).toBe(7)
  expect(await held.epochOf('O-1', 'GPK', plan('operation', 'daejeon'))).toBeUndefined()
  expect(await held.epochOf('O-1', 'AID', plan('operation', 'gwangju'))).toBeUndefined()
})
