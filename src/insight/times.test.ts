import { describe, expect, test } from 'vitest'
import { emptyView } from '#engine/state/view.ts'
import type { Plan, PlanNode } from '#plan/plan.ts'
import { timesOf } from './times.ts'

function node(
  id: string,
  type: string,
  system: string | null,
  wave: number,
  gate: PlanNode['gate'] = null,
): PlanNode {
  return {
    ...{ id, type, system, wave, gate },
    title: { ko: id, en: id },
    typeVersion: 1,
    with: {},
    needs: [],
    limits: { attemptMs: 1, totalMs: 1, retryMax: 0, retryBaseMs: 1 },
    verify: null,
  }
}

const nodes = [
  node('approve', 'approval', null, 0, { purpose: 'failover', quorum: 2 }),
  node('attest', 'approval', null, 0, { purpose: 'attestation', quorum: 2 }),
  node('GPK/fence', 'authority.attest', 'GPK', 2),
  node('GPK/promote', 'pg.promote', 'GPK', 2),
  node('GPK/switch', 'dns.switch', 'GPK', 2),
  node('AID/fence', 'authority.attest', 'AID', 1),
  node('NSS/check', 'http.get', 'NSS', 3),
]

function run(done: Record<string, string>, mode = 'failover') {
  const plan = {
    subject: { mode, nodes },
    systems: [{ system: 'GPK', rtoTargetMs: 600_000 }],
  } as unknown as Plan
  const view = emptyView({
    id: 'F-1',
    plan,
    requester: 'r',
    reason: '',
    parent: null,
    createdAt: '2026-11-24T06:00:00.000Z',
  })
  for (const [id, at] of Object.entries(done)) {
    const seen = view.nodes.get(id)
    if (seen !== undefined) Object.assign(seen, { state: 'succeeded', endedAt: at })
  }
  return view
}

describe('the timeline of a run', () => {
  test('systems come in the order of their waves, each time from the step that reaches it', () => {
    const view = run({
      approve: '2026-11-24T06:01:00.000Z',
      attest: '2026-11-24T06:02:00.000Z',
      'GPK/fence': '2026-11-24T06:03:00.000Z',
      'GPK/promote': '2026-11-24T06:04:00.000Z',
    })
    const times = timesOf(view, (system) => (system === 'GPK' ? '2026-11-24T05:59:00.000Z' : null))
    expect(times.map(({ system }) => system)).toEqual(['AID', 'GPK', 'NSS'])
    expect(times[1]).toEqual({
      system: 'GPK',
      rtoTargetMs: 600_000,
      wave: 2,
      detected: '2026-11-24T05:59:00.000Z',
      declared: '2026-11-24T06:00:00.000Z',
      approved: '2026-11-24T06:01:00.000Z',
      fenced: '2026-11-24T06:03:00.000Z',
      promoted: '2026-11-24T06:04:00.000Z',
      up: null,
      verified: null,
      open: null,
    })
  })

  test('what is not done yet has no time', () => {
    expect(timesOf(run({}), () => null)[0]).toMatchObject({ approved: null, fenced: null, detected: null })
  })

  test('a system that keeps no data is verified by a real answer', () => {
    const seen = run({ 'NSS/check': '2026-11-24T06:05:00.000Z' })
    expect(timesOf(seen, () => null).find(({ system }) => system === 'NSS')).toMatchObject({
      verified: '2026-11-24T06:05:00.000Z',
      promoted: null,
    })
  })

  test('an operation has no target of a recovery to be measured against', () => {
    expect(timesOf(run({}, 'operation'), () => null)[1]).toMatchObject({ system: 'GPK', rtoTargetMs: null })
  })
})
