import { describe, expect, test } from 'vitest'
import { ends, step, gate, each, book, problems, rules } from '../../support/runbook-text.ts'

describe('lint of a foreach', () => {
  test('takes a list, and knows item and index in the step', () => {
    expect(problems(book(each('items: [a, b], maxParallel: 4, ramp: 1-2-4, maxFailures: 1')))).toEqual([])
    expect(
      problems(
        book(
          each(
            "items: '${{ system.workloads }}', key: '${{ item.deployment }}'",
            '',
            "name: '${{ item.deployment }}', count: '${{ index + 1 }}'",
          ),
        ),
      ),
    ).toEqual([])
  })

  test('refuses items that are no list or not known yet, and a wrong type of item', () => {
    expect(rules(book(each('items: "${{ system.id }}"')))).toEqual(['wrong-type'])
    expect(rules(book(each('items: many')))).toEqual(['wrong-type'])
    expect(
      rules(book(step('see', 'look') + each('items: "${{ [steps.see.lsn] }}"', 'needs: [see]'))),
    ).toEqual(['plan-reads-outputs'])
    expect(rules(book(each('items: [a, b]', '', "name: x, count: '${{ item }}'")))).toEqual(['wrong-type'])
    expect(rules(book(each('items: [a], key: plain')))).toEqual(['wrong-type'])
    expect(rules(book(step('see', 'look', '', "name: '${{ item }}'")))).toEqual(['expression'])
  })

  test('refuses a batch larger than all may be, an output of many, and a gate for each', () => {
    expect(rules(book(each('items: [a], maxParallel: 2, ramp: 1-2-4')))).toEqual(['ramp'])
    expect(rules(book(each('items: [a], ramp: fast')))).toEqual(['shape'])
    const reads = step('next', 'look', 'needs: [each]', "name: '${{ steps.each.lsn }}'")
    expect(rules(book(each('items: [a]') + reads))).toEqual(['no-output'])
    expect(
      rules(book(step('approve', 'approval', 'foreach: { items: [a] }', 'purpose: failover, quorum: 2'))),
    ).toEqual(['gate-field'])
  })
})

describe('lint of gates, ends and silent targets', () => {
  test('a manual step names a role and says what to do, a wait says how long', () => {
    const manual = (input: string, rest = '') => step('do', 'manual', rest, input)
    const instructions = 'instructions: { ko: 확인, en: Check }'
    expect(problems(book(manual(`role: sre, ${instructions}`)))).toEqual([])
    expect(rules(book(manual(`role: auditor, ${instructions}`)))).toEqual(['shape'])
    expect(rules(book(manual('role: sre')))).toEqual(['shape'])
    expect(rules(book(manual(`role: sre, ${instructions}`, 'timeout: { attempt: 1s, total: 1s }')))).toEqual([
      'gate-field',
    ])
    expect(problems(book(step('rest', 'wait', '', 'for: 90s')))).toEqual([])
    expect(rules(book(step('rest', 'wait', '', 'for: long')))).toEqual(['shape'])
    expect(rules(book(step('rest', 'wait', '', "for: '${{ targets.rtoSeconds }}'")))).toEqual(['wrong-type'])
    const reads = step('next', 'look', 'needs: [rest]', "name: '${{ steps.rest.x }}'")
    expect(rules(book(step('rest', 'wait', '', 'for: 1s') + reads))).toEqual(['no-output'])
  })

  test('what stands at the end needs only its own kind, waits for nobody, and can be taken back', () => {
    const withEnd = (end: string, main = gate + step('do', 'change', `needs: [approve], ${ends}`)) =>
      `${book(main)}finally:\n${end}`
    expect(problems(withEnd(step('clean', 'change', ends) + step('tell', 'look', 'needs: [clean]')))).toEqual(
      [],
    )
    expect(rules(withEnd(step('clean', 'look', 'needs: [do]')))).toEqual(['needs-across-finally'])
    expect(
      rules(withEnd(step('clean', 'look'), gate + step('do', 'change', `needs: [approve, clean], ${ends}`))),
    ).toEqual(['needs-across-finally'])
    expect(rules(withEnd(step('clean', 'look', '', "name: '${{ steps.do.lsn }}'")))).toEqual([
      'not-an-ancestor',
    ])
    expect(rules(withEnd(step('rest', 'wait', '', 'for: 1s')))).toEqual(['finally-gate'])
    expect(rules(withEnd(step('all', 'look', 'foreach: { items: [a] }')))).toEqual(['finally-foreach'])
    expect(rules(withEnd(step('go', 'leap', ends)))).toContain('finally-effect')
    expect(rules(withEnd(step('do', 'look')))).toEqual(['duplicate-id'])
    const late =
      step('see', 'look') + step('approve', 'approval', 'needs: [see]', 'purpose: failover, quorum: 1')
    expect(rules(withEnd(step('clean', 'change', ends), late))).toEqual(['finally-unapproved'])
  })

  test('a failover may need more when it says what then; what must not be left out is not skipped', () => {
    const silent = (type: string, what: string, rest = '') =>
      book(gate + step('ask', type, `onUnreachable: { ${what} }${rest}`))
    expect(problems(silent('prom.ask', 'failover: skip'))).toEqual([])
    expect(rules(silent('prom.ask', 'drill: skip'))).toEqual(['failover-requires', 'unreachable-mode'])
    expect(rules(silent('leap', 'failover: skip', `, needs: [approve], ${ends}`))).toEqual(['skip-unsafe'])
    expect(rules(silent('authority.acquire', 'failover: skip', `, needs: [approve], ${ends}`))).toEqual([
      'skip-unsafe',
    ])
    const reads = step('next', 'look', 'needs: [ask]', "name: '${{ steps.ask.lsn }}'")
    expect(rules(silent('prom.ask', 'failover: skip') + reads)).toEqual(['may-be-left-out'])
  })

  test('every mode is taken, and a gate is for a mode that the runbook has', () => {
    for (const mode of ['switchover', 'failover', 'failback', 'drill', 'operation']) {
      const agree = step('approve', 'approval', '', `purpose: ${mode}, quorum: 2`)
      expect(problems(book(agree + step('go', 'leap', `needs: [approve], ${ends}`), '', mode))).toEqual([])
    }
    expect(rules(book(gate, '', 'switchover'))).toEqual(['gate-mode'])
    const attest = step('attest', 'approval', '', 'purpose: attestation, quorum: 2')
    expect(rules(book(attest, '', 'switchover'))).toEqual(['gate-mode'])
    expect(rules(book(step('go', 'leap', ends), '', 'drill'))).toEqual(['approval-missing'])
  })

  test('an operation moves nothing, and acts under the authority that its site holds', () => {
    const doing = (steps: string, modes = 'operation') => rules(book(steps, '', modes))
    expect(doing(step('do', 'own', ends))).toEqual([])
    expect(doing(step('do', 'own', ends), 'operation, drill')).toEqual(['authority-missing'])
    expect(doing(step('take', 'authority.acquire', ends))).toEqual(['approval-missing', 'operation-moves'])
    expect(doing(step('see', 'look', '', "name: '${{ to.site }}'"))).toEqual([])
    expect(doing(step('see', 'look', '', "name: '${{ from.site }}'"))).toEqual(['operation-from'])
    expect(doing(step('go', 'leap', ends))).toEqual(['approval-missing'])
    expect(doing(step('ask', 'prom.ask'))).toEqual([])
    const attest = step('attest', 'approval', '', 'purpose: attestation, quorum: 2')
    expect(doing(attest, 'failover, operation')).toEqual(['gate-mode'])
  })

  test('kinds of failures that are tried again are known ones', () => {
    const retry = (on: string) => book(step('see', 'look', `retry: { max: 1, pause: 1s, on: [${on}] }`))
    expect(problems(retry('unreachable, deadline'))).toEqual([])
    expect(rules(retry('bad-luck'))).toEqual(['shape'])
    expect(rules(retry(''))).toEqual(['shape'])
  })
})
