import { expect, test } from 'vitest'
import { runService } from '#daemon/services/runs.ts'
import type { Role } from '#people/roles.ts'

/** The answer of the service when a person of the role answers a question, whose asked role is given. */
async function answer(role: Role, asked: string | undefined): Promise<string> {
  const question =
    asked === undefined ? { reason: 'unclear', facts: {} } : { reason: 'manual', facts: { role: asked } }
  let decided = ''
  const engine = {
    runs: { getRun: async () => ({ nodes: new Map([['A/power', { question }]]) }) },
    decide: async (...given: string[]) => {
      decided = given.slice(1, 4).join(' ')
    },
  }
  const service = runService({ execution: { engine } } as unknown as Parameters<typeof runService>[0])
  const session = { principal: 'person-1', roles: [role], fingerprint: '', expiresAt: 0 }
  try {
    await service.decide('run-1', { node: 'A/power', decision: 'holds', reason: 'seen' }, session)
    return decided
  } catch (error) {
    return (error as { code: string }).code
  }
}

test('a manual step is confirmed by the role that it names, and by no other', async () => {
  expect(await answer('sre', 'sre')).toBe('A/power holds person-1')
  expect(await answer('commander', 'sre')).toBe('role-missing')
  expect(await answer('owner', 'sre')).toBe('role-missing')
})

test('every other question is answered by those who may declare', async () => {
  expect(await answer('operator', undefined)).toBe('A/power holds person-1')
  expect(await answer('sre', undefined)).toBe('role-missing')
  expect(await answer('approver', undefined)).toBe('role-missing')
})
