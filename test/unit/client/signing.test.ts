import { describe, expect, it } from 'vitest'
import { refuseAltered } from '#client/signing.ts'
import { digestOf } from '#model/digest.ts'
import type { Plan, PlanNode } from '#plan/plan.ts'

/** As much of a plan as its check looks at: a node for each system, and the systems that are shown. */
function planOf(acting: string[], shown: string[]): Plan {
  const subject = {
    fromSite: 'daejeon',
    nodes: acting.map((system) => ({ id: `${system}/promote`, system }) as unknown as PlanNode),
  } as unknown as Plan['subject']
  const systems = shown.map((system) => ({ system })) as Plan['systems']
  return { digest: digestOf(subject), subject, systems, notes: [], observed: { at: '', changes: {} } }
}

describe('a plan is not signed', () => {
  it('when its digest is not of what it says', () => {
    const plan = { ...planOf(['GPK'], ['GPK']), digest: `sha256:${'0'.repeat(64)}` }
    expect(() => refuseAltered(plan)).toThrow(expect.objectContaining({ code: 'plan-altered' }))
  })

  it('when it acts on a system that it does not show: the list of systems is outside the digest', () => {
    expect(() => refuseAltered(planOf(['GPK', 'AID'], ['GPK']))).toThrow(
      expect.objectContaining({ code: 'plan-altered', why: expect.stringContaining('AID') }),
    )
  })
})

it('a plan that shows more systems than it acts on is as it should be: some stay behind', () => {
  expect(() => refuseAltered(planOf(['GPK'], ['GPK', 'AID']))).not.toThrow()
})
