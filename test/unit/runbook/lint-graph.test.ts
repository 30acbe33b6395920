import { describe, expect, test } from 'vitest'
import { tryIt, step, gate, problems, rules, placeOf } from '../../support/runbook-text.ts'

describe('lint refuses, at the place of the mistake', () => {
  test('cyclic needs, with the path; unknown needs; a step twice', () => {
    expect(
      problems(
        tryIt +
          step('a1', 'look', 'needs: [c1]') +
          step('b1', 'look', 'needs: [a1]') +
          step('c1', 'look', 'needs: [b1]'),
      ),
    ).toMatchObject([
      {
        rule: 'cyclic-needs',
        line: 9,
        reason: 'none of these can begin first: a1 needs c1 needs b1 needs a1',
      },
    ])
    const text = tryIt + step('see', 'look') + step('next', 'look', 'needs: [se]')
    expect(problems(text)).toMatchObject([
      { rule: 'unknown-step', remedy: 'Did you mean see?', ...placeOf(text, 'se]') },
    ])
    expect(rules(tryIt + step('see', 'look') + step('see', 'look'))).toEqual(['duplicate-id'])
    expect(rules(tryIt + step('see', 'look', 'prerequisites: open'))).toEqual(['unknown-step'])
  })

  test('a reference to the output of a step that is not before it', () => {
    const text = tryIt + step('see', 'look') + step('next', 'look', '', 'name: ${{ steps.see.lsn }}')
    expect(problems(text)).toMatchObject([
      { rule: 'not-an-ancestor', remedy: 'Add see to the needs of next, or of a step before it.' },
    ])
    expect(
      rules(
        tryIt +
          step('see', 'look') +
          step('mid', 'look', 'needs: [see]') +
          step('next', 'look', 'needs: [mid]', 'name: ${{ steps.see.lsn }}'),
      ),
    ).toEqual([])
    expect(rules(tryIt + step('see', 'look', '', 'name: ${{ steps.see.lsn }}'))).toEqual(['not-an-ancestor'])
    expect(rules(tryIt + step('see', 'look', '', 'name: ${{ steps.sea.lsn }}'))).toEqual(['unknown-step'])
    expect(
      rules(tryIt + gate + step('see', 'look', 'needs: [approve]', 'name: ${{ steps.approve.by }}')),
    ).toEqual(['no-output'])
    expect(
      rules(tryIt + step('see', 'look') + step('next', 'look', 'needs: [see]', 'name: ${{ steps.see.lns }}')),
    ).toEqual(['expression'])
    expect(rules(tryIt + step('see', 'look', '', 'name: ${{ inputs.pase }}'))).toEqual(['unknown-input'])
  })

  test('a reference to the output of a step that may be left out', () => {
    const when = `when: '\${{ inputs.most > 1 }}'`
    expect(
      rules(
        tryIt +
          step('see', 'look', when) +
          step('next', 'look', 'needs: [see]', 'name: ${{ steps.see.lsn }}'),
      ),
    ).toEqual(['may-be-left-out'])
    expect(
      rules(
        tryIt +
          step('see', 'look', when) +
          step('next', 'look', `needs: [see], ${when}`, 'name: ${{ steps.see.lsn }}'),
      ),
    ).toEqual([])
  })

  test('a condition that is not boolean, reads outputs, or is no expression', () => {
    expect(rules(tryIt + step('see', 'look', `when: '\${{ inputs.pace }}'`))).toEqual(['wrong-type'])
    expect(rules(tryIt + step('see', 'look', 'when: yes please'))).toEqual(['wrong-type'])
    expect(
      rules(
        tryIt + step('see', 'look') + step('next', 'look', `needs: [see], when: '\${{ steps.see.lag > 1 }}'`),
      ),
    ).toEqual(['when-reads-outputs'])
  })
})
