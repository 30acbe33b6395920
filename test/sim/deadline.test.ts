import { expect, test } from 'vitest'
import { deadlineOf } from '#engine/state/deadline.ts'
import { run } from './world/answering.ts'
import { gate, limits, node, planOf } from './world/plans.ts'
import { runId } from './world/simulate.ts'

const minutes = 60_000
const noOne = { at: async () => ({ granted: ['approver-1'], rejected: [] }) }

/** A gate of two minutes, and a step behind it. */
function late() {
  const approve = { ...gate('approve'), limits: { ...limits, attemptMs: 2 * minutes, totalMs: 2 * minutes } }
  return planOf([approve, node('A/one', 'sim.set', ['approve'])])
}

test('a run that nobody approves asks a person when its time is over, and does not wait without an end', async () => {
  const { view } = await run({ plan: late(), approvals: noOne, patienceMs: 30 * minutes })
  expect(view.state).toBe('needs-person')
  expect(view.question).toMatchObject({
    reason: 'deadline',
    choices: ['retry', 'fail'],
    facts: { deadline: deadlineOf(view), open: [{ node: 'approve' }, { node: 'A/one' }] },
  })
  const longest = 2 * minutes + limits.totalMs + 10 * minutes
  expect(Date.parse(deadlineOf(view)) - Date.parse(view.createdAt)).toBe(longest)
})

test('a person lets it go on for as long again, or ends it', async () => {
  const again = await run({ plan: late(), approvals: noOne, patienceMs: 60 * minutes }, { run: ['retry'] })
  expect(again.view.question?.reason).toBe('deadline')
  const from = Date.parse(again.view.deadlineFrom) - Date.parse(again.view.createdAt)
  expect(from).toBeGreaterThanOrEqual(2 * minutes)
  const ended = await run({ plan: late(), approvals: noOne, patienceMs: 60 * minutes }, { run: ['fail'] })
  expect([ended.view.state, ended.state('approve')]).toEqual(['canceled', 'canceled'])
})

test('the deadline stops nothing: what works goes on and ends the run', async () => {
  const plan = planOf([
    node('A/one', 'sim.set'),
    node('A/rest', 'wait', ['A/one'], { waitFor: { kind: 'time', ms: 150_000 } }),
  ])
  // A clock that jumps ahead makes the time of the run be over at once.
  let skewed = 0
  const asked = new Set<string | undefined>()
  const { view } = await run({
    plan,
    wall: (now) => now + skewed,
    between: async ({ store }) => {
      const row = await store.run(runId)
      asked.add(row?.state)
      if (row?.state === 'running') skewed = 3_000_000
    },
  })
  expect(asked).toContain('needs-person')
  expect([view.state, view.nodes.get('A/rest')?.state]).toEqual(['succeeded', 'succeeded'])
})
