import { describe, expect, test } from 'vitest'
import { lintRunbook } from '#runbook/load.ts'
import { stepTypes } from '#steps/index.ts'
import { sites, ends, tryIt, step, gate, problems, rules } from '../../support/runbook-text.ts'

describe('lint refuses, at the place of the mistake', () => {
  test('a changing step without verify or timeout', () => {
    expect(rules(tryIt + step('do', 'change'))).toEqual(['timeout-missing', 'verify-missing'])
    expect(rules(tryIt + step('do', 'change', ends))).toEqual([])
  })

  test('a point of no return without an approval before it; an attestation is none', () => {
    expect(rules(tryIt + gate + step('leave', 'leap', ends))).toEqual(['approval-missing'])
    expect(rules(tryIt + gate + step('leave', 'leap', `needs: [approve], ${ends}`))).toEqual([])
    const attest = step('attest', 'approval', '', 'purpose: attestation, quorum: 2')
    expect(rules(tryIt + attest + step('leave', 'leap', `needs: [attest], ${ends}`))).toEqual([
      'approval-missing',
    ])
  })

  test('a step that acts under authority, and none acquires it', () => {
    expect(rules(tryIt + step('do', 'own', ends))).toEqual(['authority-missing'])
    const take = step('take', 'authority.acquire', `needs: [approve], ${ends}`)
    expect(rules(tryIt + gate + take + step('do', 'own', `needs: [take], ${ends}`))).toEqual([])
  })

  test('a step that acts under authority but to stop, unless its input says that it stops', () => {
    const rulesOf = (count: string) => rules(tryIt + step('do', 'run', ends, `name: x, count: ${count}`))
    expect(rulesOf('0')).toEqual([])
    expect(rulesOf('2')).toEqual(['authority-missing'])
    expect(rulesOf('${{ inputs.most }}')).toEqual(['authority-missing'])
  })

  test.each(['authority.acquire', 'dns.switch', 'pg.sql'])(
    '%s, which turns a system to another place or writes into its data, without an approval before it',
    (type) => {
      expect(rules(tryIt + gate + step('turn', type, ends))).toEqual(['approval-missing'])
      expect(rules(tryIt + gate + step('turn', type, `needs: [approve], ${ends}`))).toEqual([])
    },
  )

  test('an operation that sends citizens elsewhere, and nobody approves', () => {
    const book = `${tryIt.replace('[failover]', '[operation]')}  - id: elsewhere
    title: { ko: 전환, en: Send citizens elsewhere }
    type: dns.switch
    with:
      site: \${{ to.site }}
      system: \${{ system.id }}
      name: \${{ system.traffic.name }}
      address: \${{ inputs.pace }}
      ttlSeconds: 5
      epoch: \${{ inputs.most }}
    verify: { within: 10s, every: 1s }
    timeout: { attempt: 10s, total: 1m }
`
    const found = lintRunbook(book, 'r.yaml', { stepTypes, sites })
    expect(found.map(({ rule }) => rule)).toEqual(['approval-missing'])
  })

  test('a step of a failover that needs more than the recovery site has for sure', () => {
    expect(problems(tryIt + step('ask', 'prom.ask'))).toMatchObject([
      { rule: 'failover-requires', reason: expect.stringContaining('prometheus') },
    ])
    expect(rules((tryIt + step('ask', 'prom.ask')).replace('[failover]', '[switchover]'))).toEqual([])
  })

  test('a step that holds nothing up needs no way out and no verification, but ends', () => {
    expect(rules(tryIt + step('say', 'tell', 'timeout: { attempt: 5s, total: 1m }'))).toEqual([])
    expect(rules(tryIt + step('say', 'tell'))).toEqual(['timeout-missing'])
  })

  test("a site's name, in a value or in an expression", () => {
    expect(rules(tryIt + step('see', 'look', '', 'name: db.gwangju.internal'))).toEqual(['site-literal'])
    expect(
      rules(tryIt + step('see', 'look', '', `name: '\${{ to.site == "daejeon" ? "a" : "b" }}'`)),
    ).toEqual(['site-literal'])
    expect(rules(tryIt + step('see', 'look', '', 'name: gwangjus'))).toEqual([])
  })
})
