import { expect, test } from 'vitest'
import type { LossForecast, Plan, SystemForecast } from '#plan/plan.ts'
import { forecastLines } from './plan-forecast.ts'

const system = (
  id: string,
  wave: number,
  rtoTargetMs: number,
  rpoTargetMs: number | null,
): SystemForecast => ({
  ...{ system: id, wave, rtoTargetMs, rpoTargetMs, why: [] },
})
const loss = (seconds: number | null): LossForecast => ({
  ...{ seconds, atMost: false, sourceHeartbeatAt: null, why: { ko: '비교', en: 'compared' } },
})

function plan(systems: SystemForecast[], ends: Record<string, number>, losses: Record<string, LossForecast>) {
  const duration = {
    ms: Math.max(...Object.values(ends)),
    criticalPath: ['approve', 'A/fence', 'A/promote', 'A/traffic', 'A', 'B/check', 'B', 'systems'],
    systems: ends,
    measured: {},
    fromLimits: [],
  }
  return {
    ...{ systems, subject: { mode: 'failover' } },
    observed: { at: '', changes: {}, forecast: { loss: losses, duration } },
  } as unknown as Plan
}

test('says when each wave is open, which way decides, and the worst beside the targets', () => {
  const systems = [system('A', 1, 60_000, 0), system('B', 2, 60_000, 300_000), system('C', 2, 600_000, null)]
  const lines = forecastLines(
    plan(systems, { A: 30_000, B: 90_000, C: 80_000 }, { A: loss(3), B: loss(null), C: loss(0) }),
    'en',
  )
  expect(lines.map((line) => line.trim())).toEqual([
    'How long it takes and what is lost, predicted',
    '- all of it: 1m 30s. The time of people to decide is not in it.',
    '- wave 1 (systems 1): open after 30s',
    '- wave 2 (systems 2): open after 1m 30s',
    '- decided by: approve → A/fence … traffic → B/check → systems',
    '- RTO: 1 of 3 beyond it; the worst B: 1m 30s (RTO 1m)',
    '- RPO: 1 of 1 beyond it; the worst A: 3s (RPO 0s)',
    '- RPO: 1 of which it cannot be told: B',
    '',
  ])
})

test('says that all are within their targets, with the one that comes nearest', () => {
  const systems = [system('A', 1, 60_000, 10_000), system('B', 1, 600_000, 10_000)]
  const lines = forecastLines(plan(systems, { A: 50_000, B: 90_000 }, { A: loss(0), B: loss(4) }), 'en')
  const text = lines.join('\n')
  expect(text).toContain('RTO: all within their target; the worst A: 50s (RTO 1m)')
  expect(text).toContain('RPO: all within their target; the worst B: 4s (RPO 10s)')
  expect(text).not.toContain('wave')
})

test('measures no operation against targets of a recovery', () => {
  const ready = plan([system('A', 1, 60_000, 0)], { A: 90_000 }, {})
  const operation = { ...ready, subject: { ...ready.subject, mode: 'operation' as const } }
  expect(forecastLines(operation, 'en').join('\n')).not.toContain('RTO')
})
