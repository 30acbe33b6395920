import { describe, expect, test } from 'vitest'
import { lintRunbook } from '#runbook/load.ts'
import { z } from 'zod'
import {
  fact,
  context,
  sites,
  title,
  ends,
  tryIt,
  step,
  gate,
  problems,
  rules,
  placeOf,
  types,
} from '../../support/runbook-text.ts'

test('a small correct runbook has no problem', () => {
  expect(
    problems(
      tryIt +
        gate +
        step(
          'see',
          'look',
          'needs: [approve]',
          'name: ${{ system.id }}, count: ${{ inputs.most + 1 }}, each: [{ on: ${{ targets.rpoSeconds > 0 }} }]',
        ) +
        step(
          'leave',
          'leap',
          `needs: [see], ${ends}, when: '\${{ inputs.pace == "slow" }}'`,
          "name: '${{ steps.see.lsn }}'",
        ),
    ),
  ).toEqual([])
})

describe('lint refuses, at the place of the mistake', () => {
  test('unknown fields, with what was likely meant', () => {
    const text = tryIt + gate + step('see', 'look', 'neds: [approve]')
    expect(problems(text)).toMatchObject([
      {
        rule: 'unknown-field',
        path: 'steps[1].neds',
        remedy: 'Did you mean needs?',
        ...placeOf(text, 'neds'),
      },
    ])
    expect(rules(`shell: rm\n${tryIt}${gate}`)).toEqual(['unknown-field'])
  })

  test('an unknown step type', () => {
    const text = tryIt + step('see', 'lok')
    expect(problems(text)).toMatchObject([
      { rule: 'unknown-type', remedy: 'Did you mean look?', ...placeOf(text, 'lok') },
    ])
  })

  test('input that does not fit the step type: missing, unknown, wrong', () => {
    expect(problems(tryIt + step('see', 'look', '', 'count: 1'))).toMatchObject([
      { rule: 'shape', path: 'steps[0].with.name', reason: 'the field name is missing' },
    ])
    const text = tryIt + step('see', 'look', '', 'name: x, cuont: 1, count: many, mode: quick')
    expect(problems(text)).toMatchObject([
      { rule: 'unknown-field', path: 'steps[0].with.cuont', remedy: 'Did you mean count?' },
      { rule: 'shape', path: 'steps[0].with.count', ...placeOf(text, 'many') },
      { rule: 'shape', path: 'steps[0].with.mode', ...placeOf(text, 'quick') },
    ])
  })

  test('an expression of a type that cannot fit', () => {
    const text = tryIt + step('see', 'look', '', 'name: ${{ targets.rtoSeconds }}')
    expect(problems(text)).toMatchObject([
      {
        rule: 'wrong-type',
        reason: 'the expression gives integer, and look takes string here',
        ...placeOf(text, "'${{"),
      },
    ])
    expect(rules(tryIt + step('see', 'look', '', 'name: x, each: [{ on: "${{ system.id }}" }]'))).toEqual([
      'wrong-type',
    ])
  })

  test('an expression with a mistake, at its column', () => {
    const text = tryIt + step('see', 'look', '', 'name: ${{ system.idd }}')
    expect(problems(text)).toMatchObject([
      { rule: 'expression', reason: 'No such key: idd', ...placeOf(text, 'idd') },
    ])
    expect(rules(tryIt + step('see', 'look', '', 'name: "${{ system.id.matches(\'a+\') }}"'))).toEqual([
      'expression',
    ])
  })

  test('an expression inside braces without quotes, and says how to write it', () => {
    const [problem] = problems(
      `${tryIt}  - { id: see, ${title}, type: look, with: { name: \${{ system.id }} } }\n`,
    )
    expect(problem).toMatchObject({ rule: 'yaml', remedy: expect.stringContaining('in quotes') })
  })

  test('text and expression mixed in one value', () => {
    const [problem] = problems(tryIt + step('see', 'look', '', "name: 'https://${{ system.id }}'"))
    expect(problem).toMatchObject({ rule: 'mixed-value', remedy: expect.stringContaining('"https://" +') })
  })

  test('times that cannot be, and a gate with what gates do not have', () => {
    expect(
      rules(
        tryIt +
          step('do', 'change', 'verify: { within: 1s, every: 2s }, timeout: { attempt: 2m, total: 1m }'),
      ),
    ).toEqual(['times', 'times'])
    expect(
      rules(
        tryIt +
          step('approve', 'approval', 'timeout: { attempt: 1m, total: 1m }', 'purpose: failover, quorum: 0'),
      ),
    ).toEqual(['gate', 'gate-field'])
  })

  test('names that a plan keeps for itself', () => {
    expect(rules(tryIt + step('see', 'look', '', 'name: { $expr: "1" }'))).toContain('reserved-name')
  })

  test('everything at once, in reading order', () => {
    const found = problems(
      tryIt + step('see', 'lok') + step('do', 'change') + step('see', 'look', 'needs: [no]'),
    )
    expect(found.map(({ line, rule }) => `${line} ${rule}`)).toEqual([
      '9 unknown-type',
      '10 timeout-missing',
      '10 verify-missing',
      '11 duplicate-id',
      '11 unknown-step',
    ])
    expect(found.every(({ reason, remedy }) => reason !== '' && remedy !== '')).toBe(true)
  })
})

test('an unknown field hides no other mistake', () => {
  const text = `${tryIt}  - { id: go, ${title}, type: change, tiemout: 5, with: { name: daejeon } }\n`
  const rules = lintRunbook(text, 'x.yaml', context).map(({ rule }) => rule)
  expect(rules).toContain('unknown-field')
  expect(rules).toEqual(expect.arrayContaining(['verify-missing', 'timeout-missing', 'site-literal']))
})

describe('a field that people review as it stands', () => {
  const literal = new Map([
    ...types,
    [
      'sql',
      fact('sql', 'read', { literals: ['name', 'look.name'], input: z.record(z.string(), z.unknown()) }),
    ],
  ])
  const found = (input: string) =>
    lintRunbook(`${tryIt}${step('ask', 'sql', '', input)}`, 'r.yaml', { stepTypes: literal, sites })

  test.each([
    ['whole', 'name: ${{ inputs.pace }}'],
    ['inside', 'name: x, look: { name: ${{ inputs.pace }} }'],
    ['above it', 'name: x, look: ${{ inputs.pace }}'],
  ])('is not made by an expression (%s)', (_where, input) => {
    expect(found(input).map(({ rule }) => rule)).toContain('literal-field')
  })

  test('may be written, and what stands beside it may be an expression', () => {
    expect(found('name: x, look: { name: y, count: ${{ inputs.most }} }, count: ${{ inputs.most }}')).toEqual(
      [],
    )
  })
})
