import { describe, expect, it } from 'vitest'
import { scopeText, signedScope, statementBytes, type Statement } from './statement.ts'
import { parseStatement } from './statement-schema.ts'

const attestation: Statement = {
  version: 2,
  installation: 'test',
  purpose: 'attest',
  run: 'R-1',
  planDigest: `sha256:${'a'.repeat(64)}`,
  principal: 'approver-1',
  gate: 'attest',
  decision: 'yes',
  scope: { site: 'daejeon', systems: ['GPK'] },
  reason: 'the site is dark',
  sources: ['call to the guard room', 'what the news shows'],
  oneSourceOutsideHaetae: true,
  at: '2026-06-01T00:00:00.000Z',
  validFor: '24h',
}

const many = Array.from({ length: 15_000 }, (_, at) => `S${at}`)
const counted = (count: number) => ({ count, digest: attestation.planDigest })

function whyRefused(change: object, text?: string): string | undefined {
  try {
    parseStatement(text ?? statementBytes({ ...attestation, ...change } as Statement))
    return undefined
  } catch (error) {
    expect(error).toMatchObject({ code: 'statement-invalid' })
    return `${(error as { where?: string }).where ?? ''} ${(error as { why?: string }).why ?? ''}`
  }
}

describe('a statement', () => {
  it('is read back from the bytes that were signed', () => {
    expect(parseStatement(statementBytes(attestation))).toEqual(attestation)
  })

  it.each<[string, object, RegExp]>([
    ['one source', { sources: ['a call'] }, /sources .*two different/],
    ['the same source twice', { sources: ['A  call', 'a call'] }, /sources .*two different/],
    ["no source outside Haetae's network", { oneSourceOutsideHaetae: false }, /outside/],
    ['no gate', { gate: null }, /gate/],
    ['an empty reason', { reason: ' ' }, /reason/],
    ['a reason that clears a terminal', { reason: 'read\u001b[2J' }, /reason .*control/],
    ['a NUL in a source', { sources: ['a call', 'the news\u0000'] }, /sources.* control/],
    ['a validity that is none', { validFor: 'for ever' }, /validFor/],
    ['no installation', { installation: undefined }, /installation/],
    ['more names than are read', { scope: { site: 'daejeon', systems: many } }, /at most 100 names/],
    ['a count of few', { scope: { site: 'daejeon', systems: counted(3) } }, /count .*small/],
    ['an unknown field', { blessing: true }, /blessing/],
    ['a digest of another form', { planDigest: 'md5:1' }, /planDigest/],
    ['an invisible character in a reason', { reason: 'read\u200b' }, /reason .*invisible/],
    ['a run whose name looks like another', { run: 'R-\u0661' }, /run .*ASCII/],
    ['a person whose name looks like another', { principal: 'аpprover-1' }, /principal .*ASCII/],
    ['a system whose id looks like another', { scope: { site: 'daejeon', systems: ['GРK'] } }, /ASCII/],
    ['another gate than the run as a whole', { purpose: 'take-over', gate: 'approve' }, /gate .*take-over/],
    ['a declaration for a gate', { purpose: 'declare' }, /gate/],
    ['a declaration that says no', { purpose: 'declare', gate: null, decision: 'no' }, /decision/],
  ])('with %s is refused', (_name, change, why) => {
    expect(whyRefused(change)).toMatch(why)
  })

  it('over 15,000 systems stays small, and is bound to every one of them', () => {
    const scope = signedScope({ site: 'daejeon', systems: many })
    const bytes = statementBytes({ ...attestation, scope })
    expect(bytes.length).toBeLessThan(1_500)
    expect(parseStatement(bytes).scope).toEqual(scope)
    expect(scopeText(scope)).toMatch(/^daejeon \[15000 systems, sha256:/)
    expect(signedScope({ site: 'daejeon', systems: many.toReversed() })).toEqual(scope)
    expect(signedScope({ site: 'daejeon', systems: [...many.slice(1), 'X'] })).not.toEqual(scope)
    expect(signedScope({ site: 'daejeon', systems: many.slice(0, 100) }).systems).toHaveLength(100)
  })

  it('that is not in canonical form is refused: two forms would be two signatures', () => {
    expect(whyRefused({}, JSON.stringify(attestation))).toMatch(/canonical/)
    expect(whyRefused({}, 'yes')).toMatch(/JSON/)
  })
})
