import { expect, test } from 'vitest'
import { isHaetaeError } from '#model/errors.ts'
import { digestOf } from '#model/digest.ts'
import type { Plan, PlanNode } from '#plan/plan.ts'
import type { AnyStepType } from '#runbook/step-type.ts'
import { assertRunnable, systemsOf } from './accept.ts'

const types = new Map([['set', { version: 2, needsAuthority: false } as AnyStepType]])

function node(id: string, needs: string[] = [], more: Partial<PlanNode> = {}): PlanNode {
  const limits = { attemptMs: 1, totalMs: 1, retryMax: 0, retryBaseMs: 1 }
  const title = { ko: id, en: id }
  const rest = { title, type: 'set', typeVersion: 2, with: {}, gate: null, limits, verify: null, wave: 1 }
  return { id, system: id.split('/')[0] ?? null, needs, ...rest, ...more }
}

function plan(...nodes: PlanNode[]): Plan {
  const subject: Plan['subject'] = {
    ...{
      mode: 'failover',
      fromSite: 'a',
      toSite: 'b',
      runbooks: {},
      catalogue: '',
      inputs: {},
      assumptions: [],
    },
    nodes,
  }
  return { digest: digestOf(subject), subject, systems: [], notes: [], observed: { at: '', changes: {} } }
}

function refusal(of: Plan): string {
  try {
    assertRunnable(of, types)
    return 'accepted'
  } catch (error) {
    return isHaetaeError(error) ? `${error.code}: ${error.why ?? ''}` : String(error)
  }
}

test('a sound plan is accepted, a diamond and a repeated need included', () => {
  const diamond = [
    node('A/1'),
    node('A/2', ['A/1', 'A/1']),
    node('B/3', ['A/1']),
    node('B/4', ['A/2', 'B/3']),
  ]
  expect(refusal(plan(...diamond))).toBe('accepted')
  expect(systemsOf(plan(...diamond))).toEqual(['A', 'B'])
})

test('a plan that was changed after its digest was made is refused', () => {
  const good = plan(node('A/1'))
  const altered = { ...good, subject: { ...good.subject, toSite: 'elsewhere' } }
  expect(refusal(altered)).toMatch(/^plan-altered/)
})

test('a plan with a wrong graph is refused, and the steps are named', () => {
  expect(refusal(plan(node('A/1', ['A/2']), node('A/2', ['A/1']), node('A/3')))).toBe(
    'plan-impossible: these steps need one another: A/1, A/2',
  )
  expect(refusal(plan(node('A/1', ['A/1'])))).toBe('plan-impossible: these steps need one another: A/1')
  expect(refusal(plan(node('A/1', ['A/9'])))).toBe('plan-impossible: A/1 needs A/9, which is not there')
  expect(refusal(plan(node('A/1'), node('A/1')))).toBe('plan-impossible: two steps have one id')
})

test('a plan made with step types that are not these is refused', () => {
  expect(refusal(plan(node('A/1', [], { type: 'gone' })))).toContain('of type gone, which is not there')
  expect(refusal(plan(node('A/1', [], { typeVersion: 1 })))).toContain('planned with set 1; here it is 2')
})
