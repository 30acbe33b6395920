import type { Pool } from 'pg'
import { expect, test } from 'vitest'
import { planObserver } from '#daemon/observer.ts'
import { childPlan, fleetPlan } from '../../sim/world/plans.ts'

type Needs = Parameters<typeof planObserver>[0]

test('a fleet that is looked at again was seen then, and not when it was planned', async () => {
  const plan = fleetPlan(new Map([['A', { plan: childPlan('A'), prerequisites: [] }]]))
  const now = Date.parse(plan.observed.at) + 60_000
  const loss = { sourceHeartbeat: () => null, standby: () => Promise.reject(new Error('it is silent')) }
  const needs = {
    ...{ config: { site: 'gwangju' }, pool: {} as Pool, clock: { now: () => now }, log: {} },
    execution: { readers: () => ({}), loss },
  } as unknown as Needs
  const { observed } = await planObserver(needs).observe(plan)
  expect(observed.at).toBe(new Date(now).toISOString())
})
