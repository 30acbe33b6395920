import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { title, tryIt, step, gate, book, problems, rules } from '../../support/runbook-text.ts'

describe('hostile text', () => {
  test('alias bombs, prototype keys, tags, depth and several documents are refused', () => {
    const bomb = `a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: [*b,*b,*b,*b,*b,*b,*b,*b,*b]\n`
    for (const text of [
      bomb,
      tryIt + step('see', 'look', '', '__proto__: { polluted: 1 }'),
      'a: !!js/function x',
      '{a: '.repeat(50_000),
      `${tryIt}${gate}---\n${tryIt}`,
    ])
      expect(rules(text), text.slice(0, 40)).toContain('yaml')
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
  })

  test('never makes lint throw, hang or change a prototype', () => {
    const line = fc.constantFrom(
      ...(tryIt + gate + step('see', 'look', 'needs: [approve]', 'name: ${{ system.id }}')).split('\n'),
      '- &a',
      '*a',
      'steps:',
      '  - {',
      '? x',
      '__proto__: 1',
      '\t',
      '%YAML 9',
    )
    const text = fc.oneof(
      fc.string({ maxLength: 200 }),
      fc.array(line, { maxLength: 25 }).map((lines) => lines.join('\n')),
    )
    fc.assert(
      fc.property(text, (any) => {
        expect(Array.isArray(problems(any))).toBe(true)
        expect(Object.keys(Object.prototype)).toEqual([])
      }),
      { numRuns: 1_000 },
    )
  })
})

test('fields of the language in any combination never make lint throw, hang or change a prototype', () => {
  const value = fc.oneof(
    fc.constantFrom(
      '"${{ item }}"',
      '"${{ [1] }}"',
      'a',
      '1',
      '[a, b]',
      '{ a: b }',
      'null',
      '"${{ inputs.x }}"',
      '__proto__',
      '1-2-4',
      '{ failover: skip }',
      '{ items: [a] }',
      '"${{ [1,2].map(x, x) }}"',
    ),
    fc.string({ maxLength: 12 }).map((text) => JSON.stringify(text)),
  )
  const field = fc.tuple(
    fc.constantFrom(
      'foreach',
      'when',
      'with',
      'needs',
      'onUnreachable',
      'retry',
      'verify',
      'prerequisites',
      'type',
      '__proto__',
      'constructor',
    ),
    value,
  )
  fc.assert(
    fc.property(
      fc.array(field, { maxLength: 5 }),
      fc.constantFrom('steps', 'finally', 'inputs'),
      (fields, section) => {
        const unique = new Map(fields)
        const text = `${book(gate)}${section === 'steps' ? '' : `${section}:\n`}  - { id: one, ${title}, ${[...unique].map(([name, given]) => `${name}: ${given}`).join(', ')} }\n`
        expect(Array.isArray(problems(text))).toBe(true)
        expect(Object.keys(Object.prototype)).toEqual([])
      },
    ),
    { numRuns: 500 },
  )
})
