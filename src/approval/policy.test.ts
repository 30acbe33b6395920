import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { parsePolicy } from './policy-file.ts'
import { defaultPolicy, demandOf } from './policy.ts'

const hour = 3_600_000

function policy(...rules: string[]) {
  const list = rules.map((rule) => `  - { ${rule} }\n`).join('')
  return parsePolicy('p.yaml', `apiVersion: haetae/v1\nkind: ApprovalPolicy\nrules:\n${list}`)
}

describe('a policy', () => {
  it('asks for more people, fewer roles, a shorter time and better keys, for its action and grades', () => {
    const strict = policy(
      'id: top, action: approve, grades: [T0], people: 3, roles: [commander], validFor: 1h, keys: verified',
    )
    expect(demandOf(strict, 'approve', ['T0'])).toEqual({
      people: 3,
      roles: ['commander'],
      validForMs: hour,
      keys: 'verified',
      rules: ['top'],
      policy: strict.digest,
    })
    expect(demandOf(strict, 'approve', ['G1'])).toMatchObject({ people: 2, rules: ['built-in-approve'] })
    expect(demandOf(strict, 'attest', ['T0'])).toMatchObject({ people: 2, rules: ['built-in-attest'] })
  })

  it('names the grades of which no operation runs without an approval; none, if it says nothing', () => {
    const text = (more: string) =>
      parsePolicy('p.yaml', `apiVersion: haetae/v1\nkind: ApprovalPolicy\nrules: []\n${more}`)
    expect(text('').operations).toEqual([])
    expect(text('operations: { approved: [T0, G1] }').operations).toEqual(['T0', 'G1'])
    expect(text('operations: { approved: [T0] }').digest).not.toBe(text('').digest)
    expect(() => text('operations: { approved: [G9] }')).toThrow(
      expect.objectContaining({ code: 'policy-invalid' }),
    )
  })

  it('has a rule for every grade that no other rule names', () => {
    const two = policy(
      'id: top, action: approve, grades: [T0], people: 3',
      'id: rest, action: approve, people: 4',
    )
    expect(demandOf(two, 'approve', ['T0'])).toMatchObject({ people: 3, rules: ['top'] })
    expect(demandOf(two, 'approve', ['G4'])).toMatchObject({ people: 4, rules: ['rest'] })
  })

  it('demands the strictest of each for a plan over several grades', () => {
    const two = policy(
      'id: ab, action: approve, grades: [T0], people: 3, validFor: 12h',
      'id: bc, action: approve, grades: [G2], roles: [commander], validFor: 2h, keys: hardware',
    )
    expect(demandOf(two, 'approve', ['G2', 'T0', 'G2'])).toMatchObject({
      people: 3,
      roles: ['commander'],
      validForMs: 2 * hour,
      keys: 'hardware',
      rules: ['bc', 'ab'],
    })
    expect(demandOf(two, 'approve', []), 'grades that nobody knows').toMatchObject({
      people: 3,
      roles: ['commander'],
    })
  })

  it('has a digest that changes with its rules', () => {
    expect(policy('id: ab, action: approve').digest).toBe(policy('action: approve, id: ab').digest)
    expect(policy('id: ab, action: approve').digest).not.toBe(
      policy('id: ab, action: approve, people: 3').digest,
    )
    expect(defaultPolicy.digest).not.toBe(policy('id: ab, action: approve').digest)
  })

  it.each([
    ['allow one person to be enough', ['id: ab, action: approve, people: 1'], '4:40'],
    ['allow a role that may not', ['id: ab, action: approve, roles: [auditor]'], '4:40'],
    ['allow a longer time than without it', ['id: ab, action: approve, validFor: 25h'], '4:42'],
    ['name an action that there is not', ['id: ab, action: bless'], '4:23'],
    ['name a grade that there is not', ['id: ab, action: approve, grades: [G9]'], '4:41'],
    ['have a name twice', ['id: ab, action: approve', 'id: ab, action: attest'], '5:11'],
    [
      'speak of a grade twice',
      ['id: ab, action: approve, grades: [T0]', 'id: bc, action: approve, grades: [G1, T0]'],
      '5:40',
    ],
    ['speak of all other grades twice', ['id: ab, action: approve', 'id: bc, action: approve'], '5:5'],
    [
      'have rules that no role could meet together',
      [
        'id: ab, action: approve, grades: [T0], roles: [approver]',
        'id: bc, action: approve, roles: [commander]',
      ],
      '5:39',
    ],
  ])('cannot %s', (_name, rules, where) => {
    expect(() => policy(...rules)).toThrow(
      expect.objectContaining({ code: 'policy-invalid', where: expect.stringContaining(`p.yaml:${where}`) }),
    )
  })

  it('that ships is valid', () => {
    const file = new URL('../../policies/approvals.yaml', import.meta.url).pathname
    expect(parsePolicy(file, readFileSync(file, 'utf8')).rules.length).toBeGreaterThan(0)
  })
})
