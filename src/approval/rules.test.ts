import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Roster, type Principal } from '#people/roster.ts'
import type { Role } from '#people/roles.ts'
import { statusOf, type Counting } from './counting.ts'
import { defaultPolicy, demandOf, type Demand } from './policy.ts'
import { admit, expiryOf } from './rules.ts'
import type { Purpose, Statement } from './statement.ts'
import type { RecordedStatement, Subject } from './subject.ts'

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

const anew = { ko: '다시 서명했습니다', en: 'signed anew' }

function statement(over: Partial<Statement> = {}): Statement {
  return {
    version: 2,
    installation: 'test',
    purpose: 'approve',
    run: 'R-1',
    planDigest: digest,
    principal: 'approver-1',
    gate: 'approve',
    decision: 'yes',
    scope: { site: 'daejeon', systems: ['AID', 'GPK'] },
    reason: 'read',
    sources: [],
    oneSourceOutsideHaetae: false,
    at: '2026-06-01T00:00:00.000Z',
    validFor: '24h',
    ...over,
  }
}

function principal(id: string, ...roles: Role[]): Principal {
  return { id, name: undefined, roles, keys: [keyUntil(id, now + 24 * hour)] }
}

function keyUntil(id: string, validUntil: number) {
  return { publicKey: '', fingerprint: `key of ${id}`, validFrom: 0, validUntil }
}

const everybody = [
  principal('operator-1', 'operator', 'approver'),
  principal('approver-1', 'approver'),
  principal('approver-2', 'approver'),
  principal('approver-3', 'approver'),
]

function demand(purpose: Purpose, over: Partial<Demand> = {}): Demand {
  return { ...demandOf(defaultPolicy, purpose, ['T0']), ...over }
}

function counting(all: RecordedStatement[], over: Partial<Counting> = {}): Counting {
  return {
    about: subject,
    demand: (purpose) => demand(purpose),
    roster: new Roster(everybody),
    recorded: all.map((one, at) => ({ ...one, id: String(at + 1) })),
    now,
    ...over,
  }
}

function recorded(over: Partial<Statement> = {}, times: Partial<RecordedStatement> = {}): RecordedStatement {
  const signed = statement(over)
  return {
    id: '1',
    statement: signed,
    bytes: '',
    signature: '',
    fingerprint: `key of ${signed.principal}`,
    hardware: null,
    demanded: null,
    receivedAt: now - hour,
    expiresAt: now + hour,
    voided: null,
    ...times,
  }
}

function codeOf(one: Statement, signer: Principal, about = subject, earlier: RecordedStatement[] = []) {
  try {
    const [key] = signer.keys
    if (key === undefined) throw new Error('everybody has a key')
    admit(one, { principal: signer, key, hardware: null }, about, counting(earlier, { about }))
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
      [recorded({}, { voided: anew }), recorded({ decision: 'no' })],
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
    [
      'with the key that declared the run, whoever it belongs to by now',
      'own-request',
      statement(),
      approver,
      subject,
      [recorded({ purpose: 'declare', principal: 'operator-1' }, { fingerprint: 'key of approver-1' })],
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
  const status = (...statements: RecordedStatement[]) => statusOf(gate, counting(statements))

  it('passes with two distinct people', () => {
    expect(status(recorded(), recorded({ principal: 'approver-2' })).state).toBe('passed')
  })

  it.each<[string, RecordedStatement]>([
    ['the same person again', recorded()],
    ['the requester', recorded({ principal: 'operator-1' })],
    ['a statement that has expired', recorded({ principal: 'approver-2' }, { expiresAt: now })],
    ['a statement that was voided', recorded({ principal: 'approver-2' }, { voided: anew })],
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
    const two = [recorded(), recorded({ principal: 'approver-2' })]
    const strict = counting(two, { demand: (purpose) => demand(purpose, { people: 3 }) })
    expect(statusOf(gate, strict).state).toBe('waiting')
  })

  it.each<[string, Principal[], RegExp]>([
    ['has left the roster', [], /not in the roster/],
    ['has lost the role', [principal('approver-2', 'operator', 'sre')], /approver or commander/],
    [
      'has had the key taken away',
      [{ ...principal('approver-2', 'approver'), keys: [] }],
      /not approver-2's/,
    ],
    [
      'has a key that has ended',
      [{ ...principal('approver-2', 'approver'), keys: [keyUntil('approver-2', now)] }],
      /not approver-2's/,
    ],
  ])('does not count who %s since signing, and says so', (_name, changed, why) => {
    const roster = new Roster([...everybody.filter(({ id }) => id !== 'approver-2'), ...changed])
    const two = [recorded(), recorded({ principal: 'approver-2' })]
    expect(statusOf(gate, counting(two, { roster }))).toMatchObject({
      state: 'waiting',
      given: [{ principal: 'approver-1' }],
      ignored: [{ principal: 'approver-2', why: { en: expect.stringMatching(why) } }],
    })
  })

  it('counts only keys that the policy takes', () => {
    const touched = { userPresent: true, userVerified: false, counter: 7 }
    const all = [
      recorded(),
      recorded({ principal: 'approver-2' }, { hardware: touched }),
      recorded({ principal: 'approver-3' }, { hardware: { ...touched, userVerified: true } }),
    ]
    const given = (keys: Demand['keys']) =>
      statusOf(gate, counting(all, { demand: (purpose) => demand(purpose, { keys }) })).given.map(
        ({ principal: id }) => id,
      )
    expect(given('any')).toEqual(['approver-1', 'approver-2', 'approver-3'])
    expect(given('hardware')).toEqual(['approver-2', 'approver-3'])
    expect(given('verified')).toEqual(['approver-3'])
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
          { expiresAt: now + r.age, voided: r.void ? anew : null },
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
    expect(expiryOf(one, demand('approve'), now)).toBe(now + 2 * hour)
  })

  it('is never later than policy says', () => {
    expect(expiryOf(statement({ validFor: '365d' }), demand('approve'), now)).toBe(now + 24 * hour)
  })
})
