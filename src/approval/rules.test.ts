import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Principal } from '#people/roster.ts'
import type { Role } from '#people/roles.ts'
import { defaultPolicy } from './policy.ts'
import { admit, expiryOf, statusOf, type RecordedStatement, type Subject } from './rules.ts'
import type { Statement } from './statement.ts'

const now = Date.parse('2026-06-01T00:00:00Z')
const hour = 3_600_000
const digest = `sha256:${'a'.repeat(64)}`
const subject: Subject = {
  run: 'R-1',
  planDigest: digest,
  requester: 'operator-1',
  ended: false,
  site: 'daejeon',
  systems: ['AID', 'GPK'],
  gates: [
    { node: 'approve', purpose: 'approve', quorum: 2 },
    { node: 'attest', purpose: 'attest', quorum: 2 },
  ],
}

function statement(over: Partial<Statement> = {}): Statement {
  return {
    version: 1,
    purpose: 'approve',
    run: 'R-1',
    planDigest: digest,
    principal: 'approver-1',
    gate: 'approve',
    decision: 'yes',
    scope: { site: 'daejeon', systems: ['GPK', 'AID'] },
    reason: 'read',
    sources: [],
    oneSourceOutsideHaetae: false,
    at: '2026-06-01T00:00:00.000Z',
    validFor: '24h',
    ...over,
  }
}

function principal(id: string, ...roles: Role[]): Principal {
  return { id, name: undefined, roles, keys: [] }
}

function recorded(over: Partial<Statement> = {}, times: Partial<RecordedStatement> = {}): RecordedStatement {
  return {
    id: '1',
    statement: statement(over),
    signature: '',
    fingerprint: '',
    receivedAt: now - hour,
    expiresAt: now + hour,
    voided: null,
    ...times,
  }
}

function codeOf(one: Statement, signer: Principal, about = subject, earlier: RecordedStatement[] = []) {
  try {
    admit(one, signer, about, defaultPolicy[one.purpose], earlier, now)
    return 'admitted'
  } catch (error) {
    return (error as { code?: string }).code
  }
}

describe('a statement is admitted', () => {
  it.each<[string, Statement, Principal]>([
    ['approval by an approver', statement(), principal('approver-1', 'approver')],
    ['approval by a commander', statement({ principal: 'c-1' }), principal('c-1', 'commander')],
    ['attestation by an SRE', statement({ purpose: 'attest', gate: 'attest' }), principal('sre-1', 'sre')],
  ])('%s', (_name, one, signer) => {
    expect(codeOf(one, signer)).toBe('admitted')
  })

  it('signed anew, once the first has expired', () => {
    const before = recorded({}, { expiresAt: now })
    const anew = statement({ at: '2026-06-01T01:00:00.000Z' })
    expect(codeOf(anew, principal('approver-1', 'approver'), subject, [before])).toBe('admitted')
  })

  it('again, with the opposite decision: a change of mind', () => {
    const before = recorded({ decision: 'no' })
    expect(codeOf(statement(), principal('approver-1', 'approver'), subject, [before])).toBe('admitted')
  })
})

describe('a statement is refused', () => {
  const approver = principal('approver-1', 'approver')
  it.each<[string, string, Statement, Principal, Subject, RecordedStatement[]]>([
    [
      'by the requester, whatever the roles',
      'own-request',
      statement(),
      principal('operator-1', 'approver', 'commander'),
      subject,
      [],
    ],
    [
      'by a role that may not approve',
      'role-missing',
      statement(),
      principal('sre-1', 'sre', 'operator', 'auditor'),
      subject,
      [],
    ],
    [
      'by a role that may not attest',
      'role-missing',
      statement({ purpose: 'attest', gate: 'attest' }),
      principal('a-1', 'auditor', 'owner'),
      subject,
      [],
    ],
    ['twice by the same person', 'approved-already', statement(), approver, subject, [recorded()]],
    [
      'sent again by whoever has it, after it has expired',
      'statement-spent',
      statement(),
      approver,
      subject,
      [recorded({}, { expiresAt: now })],
    ],
    [
      'sent again by whoever has it, after its signer changed their mind',
      'statement-spent',
      statement(),
      approver,
      subject,
      [recorded({}, { voided: 'signed anew' }), recorded({ decision: 'no' })],
    ],
    [
      'over a plan that changed',
      'plan-changed',
      statement({ planDigest: `sha256:${'b'.repeat(64)}` }),
      approver,
      subject,
      [],
    ],
    [
      'over other systems',
      'statement-invalid',
      statement({ scope: { site: 'daejeon', systems: ['GPK'] } }),
      approver,
      subject,
      [],
    ],
    [
      'over another site',
      'statement-invalid',
      statement({ scope: { site: 'gwangju', systems: ['AID', 'GPK'] } }),
      approver,
      subject,
      [],
    ],
    ['for a gate that is not there', 'gate-unknown', statement({ gate: 'bless' }), approver, subject, []],
    ['for a gate of the other purpose', 'gate-unknown', statement({ gate: 'attest' }), approver, subject, []],
    ['on a run that has ended', 'run-ended', statement(), approver, { ...subject, ended: true }, []],
  ])('%s', (_name, code, one, signer, about, earlier) => {
    expect(codeOf(one, signer, about, earlier)).toBe(code)
  })
})

describe('a gate', () => {
  const [gate] = subject.gates
  if (gate === undefined) throw new Error('the subject has a gate')
  const status = (...statements: RecordedStatement[]) =>
    statusOf(gate, subject, defaultPolicy.approve, statements, now)

  it('passes with two distinct people', () => {
    expect(status(recorded(), recorded({ principal: 'approver-2' })).state).toBe('passed')
  })

  it.each<[string, RecordedStatement]>([
    ['the same person again', recorded()],
    ['the requester', recorded({ principal: 'operator-1' })],
    ['a statement that has expired', recorded({ principal: 'approver-2' }, { expiresAt: now })],
    ['a statement that was voided', recorded({ principal: 'approver-2' }, { voided: 'signed anew' })],
    [
      'a statement over another plan',
      recorded({ principal: 'approver-2', planDigest: `sha256:${'b'.repeat(64)}` }),
    ],
    [
      'a statement for the other gate',
      recorded({ principal: 'approver-2', gate: 'attest', purpose: 'attest' }),
    ],
  ])('does not count %s', (_name, second) => {
    expect(status(recorded(), second)).toMatchObject({
      state: 'waiting',
      given: [{ principal: 'approver-1' }],
    })
  })

  it('is refused by one no, whoever else says yes', () => {
    const all = [
      recorded(),
      recorded({ principal: 'approver-2' }),
      recorded({ principal: 'approver-3', decision: 'no' }),
    ]
    expect(status(...all)).toMatchObject({ state: 'refused', refused: [{ principal: 'approver-3' }] })
  })

  it('needs what policy asks for when the plan asks for fewer', () => {
    const strict = { ...defaultPolicy.approve, quorum: 3 }
    const two = [recorded(), recorded({ principal: 'approver-2' })]
    expect(statusOf(gate, subject, strict, two, now).state).toBe('waiting')
  })

  it('never passes without as many distinct people, none the requester, as the quorum', () => {
    const person = fc.constantFrom('operator-1', 'approver-1', 'approver-2', 'approver-3')
    const one = fc
      .record({
        principal: person,
        decision: fc.constantFrom('yes' as const, 'no' as const),
        age: fc.integer({ min: -2, max: 2 }),
        void: fc.boolean(),
      })
      .map((r) =>
        recorded(
          { principal: r.principal, decision: r.decision },
          { expiresAt: now + r.age, voided: r.void ? 'x' : null },
        ),
      )
    fc.assert(
      fc.property(fc.array(one), (all) => {
        const found = status(...all)
        const yes = new Set(
          all
            .filter((s) => s.voided === null && s.expiresAt > now && s.statement.decision === 'yes')
            .map((s) => s.statement.principal)
            .filter((p) => p !== 'operator-1'),
        )
        if (found.state === 'passed') expect(yes.size).toBeGreaterThanOrEqual(2)
        expect(found.given.map((g) => g.principal)).not.toContain('operator-1')
      }),
    )
  })
})

describe('expiry', () => {
  it("counts from receipt, whatever the signer's clock said", () => {
    const one = statement({ at: '2020-01-01T00:00:00.000Z', validFor: '2h' })
    expect(expiryOf(one, defaultPolicy.approve, now)).toBe(now + 2 * hour)
  })

  it('is never later than policy says', () => {
    expect(expiryOf(statement({ validFor: '365d' }), defaultPolicy.approve, now)).toBe(now + 24 * hour)
  })
})
