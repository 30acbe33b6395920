import { expect, test } from 'vitest'
import { requestsEndAt, type AttemptView } from '#engine/state/view.ts'
import { limits, node } from '../sim/world/plans.ts'

test('a late request is waited for through the time of its try, and through two behind a proof', () => {
  const at = Date.parse('2026-11-24T00:00:00.000Z')
  const startedAt = new Date(at).toISOString()
  const provenAt = new Date(at + 3_000).toISOString()
  const ends = (proven: string | null) =>
    requestsEndAt({ startedAt, provenAt: proven } as AttemptView, node('A/promote', 'sim.promote'))
  expect(ends(null)).toBe(at + limits.attemptMs)
  expect(ends(provenAt)).toBe(at + 3_000 + 2 * limits.attemptMs)
})
