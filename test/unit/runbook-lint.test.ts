import { readdir, readFile } from 'node:fs/promises'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { lintRunbook, loadRunbooks, readRunbook } from '#runbook/load.ts'
import type { AnyStepType } from '#runbook/step-type.ts'
import type { StepTypeFacts } from '#runbook/variables.ts'
import { stepTypes } from '#steps/index.ts'

const folder = new URL('../../runbooks/', import.meta.url)
const sites = ['daejeon', 'gwangju', 'daegu']

const fact = (
  type: string,
  effect: AnyStepType['effect'],
  rest: Partial<StepTypeFacts> = {},
): StepTypeFacts => ({
  type,
  version: 1,
  effect,
  needsAuthority: false,
  requires: [],
  input: z.strictObject({
    name: z.string(),
    count: z.int().default(1),
    mode: z.enum(['fast', 'safe']).optional(),
    each: z.array(z.strictObject({ on: z.boolean() })).optional(),
  }),
  output: z.strictObject({ lsn: z.string(), lag: z.int(), note: z.string().nullable() }),
  ...rest,
})
const types = new Map(
  [
    fact('look', 'read'),
    fact('change', 'idempotent'),
    fact('leap', 'point-of-no-return'),
    fact('own', 'idempotent', { needsAuthority: true }),
    fact('run', 'idempotent', { needsAuthority: ({ count }: { count: number }) => count > 0 }),
    fact('authority.acquire', 'keyed'),
    fact('dns.switch', 'idempotent'),
    fact('pg.sql', 'keyed'),
    fact('prom.ask', 'read', { requires: ['prometheus'] }),
    fact('tell', 'keyed', { requires: ['service'], optional: true }),
  ].map((type) => [type.type, type]),
)
const context = { stepTypes: types, sites }

const head = `apiVersion: haetae/v1
kind: Runbook
metadata: { name: try-it, title: { ko: 시험, en: Try }, description: d }
modes: [failover]
inputs:
  pace: { type: string, title: { ko: 속도, en: Pace }, default: slow }
  most: { type: int, title: { ko: 한도, en: Most }, default: 3 }
steps:
`
const title = 'title: { ko: 단계, en: Step }'
const ends = 'verify: { within: 10s, every: 1s }, timeout: { attempt: 5s, total: 1m }'
/** Inside braces an expression is quoted. */
const quoted = (text: string) => text.replaceAll(/(?<=: )(\$\{\{[^'"}]*\}\})/g, "'$1'")
const step = (id: string, type: string, rest = '', input = 'name: x') =>
  `  - { id: ${id}, ${title}, type: ${type}, with: { ${quoted(input)} }${rest === '' ? '' : `, ${rest}`} }\n`
const gate = step('approve', 'approval', '', 'purpose: failover, quorum: 2')
const problems = (text: string) => lintRunbook(text, 'r.yaml', context)
const rules = (text: string) => problems(text).map(({ rule }) => rule)
/** Where a word stands in the text: line and column from 1. */
const placeOf = (text: string, word: string) => {
  const before = text.slice(0, text.lastIndexOf(word))
  return { line: before.split('\n').length, column: before.length - before.lastIndexOf('\n') }
}

describe('a field that people review as it stands', () => {
  const literal = new Map([
    ...types,
    [
      'sql',
      fact('sql', 'read', { literals: ['name', 'look.name'], input: z.record(z.string(), z.unknown()) }),
    ],
  ])
  const found = (input: string) =>
    lintRunbook(`${head}${step('ask', 'sql', '', input)}`, 'r.yaml', { stepTypes: literal, sites })

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

describe('the runbooks that ship', () => {
  test('pass every check, with the real step types', async () => {
    const files = (await readdir(folder)).filter((name) => name.endsWith('.yaml'))
    expect(files).toContain('failover-postgres-web.yaml')
    const loaded = await loadRunbooks(
      files.map((name) => new URL(name, folder).pathname),
      { stepTypes, sites },
    )
    expect([...loaded.keys()].map((name) => `${name}.yaml`).toSorted()).toEqual(files.toSorted())
  })

  test('have a digest of what they say, not of how it is laid out', async () => {
    const text = await readFile(new URL('failover-postgres-web.yaml', folder), 'utf8')
    const digest = (changed: string) => readRunbook(changed, 'r.yaml', { stepTypes, sites }).runbook?.digest
    expect(digest(text)).toBeDefined()
    expect(digest(`# another comment\n${text.replaceAll('  - id:', '\n  - id:')}`)).toBe(digest(text))
    expect(digest(text.replace('quorum: 2', 'quorum: 3'))).not.toBe(digest(text))
  })
})

test('a small correct runbook has no problem', () => {
  expect(
    problems(
      head +
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
    const text = head + gate + step('see', 'look', 'neds: [approve]')
    expect(problems(text)).toMatchObject([
      {
        rule: 'unknown-field',
        path: 'steps[1].neds',
        remedy: 'Did you mean needs?',
        ...placeOf(text, 'neds'),
      },
    ])
    expect(rules(`shell: rm\n${head}${gate}`)).toEqual(['unknown-field'])
  })

  test('an unknown step type', () => {
    const text = head + step('see', 'lok')
    expect(problems(text)).toMatchObject([
      { rule: 'unknown-type', remedy: 'Did you mean look?', ...placeOf(text, 'lok') },
    ])
  })

  test('input that does not fit the step type: missing, unknown, wrong', () => {
    expect(problems(head + step('see', 'look', '', 'count: 1'))).toMatchObject([
      { rule: 'shape', path: 'steps[0].with.name', reason: 'the field name is missing' },
    ])
    const text = head + step('see', 'look', '', 'name: x, cuont: 1, count: many, mode: quick')
    expect(problems(text)).toMatchObject([
      { rule: 'unknown-field', path: 'steps[0].with.cuont', remedy: 'Did you mean count?' },
      { rule: 'shape', path: 'steps[0].with.count', ...placeOf(text, 'many') },
      { rule: 'shape', path: 'steps[0].with.mode', ...placeOf(text, 'quick') },
    ])
  })

  test('an expression of a type that cannot fit', () => {
    const text = head + step('see', 'look', '', 'name: ${{ targets.rtoSeconds }}')
    expect(problems(text)).toMatchObject([
      {
        rule: 'wrong-type',
        reason: 'the expression gives integer, and look takes string here',
        ...placeOf(text, "'${{"),
      },
    ])
    expect(rules(head + step('see', 'look', '', 'name: x, each: [{ on: "${{ system.id }}" }]'))).toEqual([
      'wrong-type',
    ])
  })

  test('an expression with a mistake, at its column', () => {
    const text = head + step('see', 'look', '', 'name: ${{ system.idd }}')
    expect(problems(text)).toMatchObject([
      { rule: 'expression', reason: 'No such key: idd', ...placeOf(text, 'idd') },
    ])
    expect(rules(head + step('see', 'look', '', 'name: "${{ system.id.matches(\'a+\') }}"'))).toEqual([
      'expression',
    ])
  })

  test('an expression inside braces without quotes, and says how to write it', () => {
    const [problem] = problems(
      `${head}  - { id: see, ${title}, type: look, with: { name: \${{ system.id }} } }\n`,
    )
    expect(problem).toMatchObject({ rule: 'yaml', remedy: expect.stringContaining('in quotes') })
  })

  test('text and expression mixed in one value', () => {
    const [problem] = problems(head + step('see', 'look', '', "name: 'https://${{ system.id }}'"))
    expect(problem).toMatchObject({ rule: 'mixed-value', remedy: expect.stringContaining('"https://" +') })
  })

  test('cyclic needs, with the path; unknown needs; a step twice', () => {
    expect(
      problems(
        head +
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
    const text = head + step('see', 'look') + step('next', 'look', 'needs: [se]')
    expect(problems(text)).toMatchObject([
      { rule: 'unknown-step', remedy: 'Did you mean see?', ...placeOf(text, 'se]') },
    ])
    expect(rules(head + step('see', 'look') + step('see', 'look'))).toEqual(['duplicate-id'])
    expect(rules(head + step('see', 'look', 'prerequisites: open'))).toEqual(['unknown-step'])
  })

  test('a reference to the output of a step that is not before it', () => {
    const text = head + step('see', 'look') + step('next', 'look', '', 'name: ${{ steps.see.lsn }}')
    expect(problems(text)).toMatchObject([
      { rule: 'not-an-ancestor', remedy: 'Add see to the needs of next, or of a step before it.' },
    ])
    expect(
      rules(
        head +
          step('see', 'look') +
          step('mid', 'look', 'needs: [see]') +
          step('next', 'look', 'needs: [mid]', 'name: ${{ steps.see.lsn }}'),
      ),
    ).toEqual([])
    expect(rules(head + step('see', 'look', '', 'name: ${{ steps.see.lsn }}'))).toEqual(['not-an-ancestor'])
    expect(rules(head + step('see', 'look', '', 'name: ${{ steps.sea.lsn }}'))).toEqual(['unknown-step'])
    expect(
      rules(head + gate + step('see', 'look', 'needs: [approve]', 'name: ${{ steps.approve.by }}')),
    ).toEqual(['no-output'])
    expect(
      rules(head + step('see', 'look') + step('next', 'look', 'needs: [see]', 'name: ${{ steps.see.lns }}')),
    ).toEqual(['expression'])
    expect(rules(head + step('see', 'look', '', 'name: ${{ inputs.pase }}'))).toEqual(['unknown-input'])
  })

  test('a reference to the output of a step that may be left out', () => {
    const when = `when: '\${{ inputs.most > 1 }}'`
    expect(
      rules(
        head + step('see', 'look', when) + step('next', 'look', 'needs: [see]', 'name: ${{ steps.see.lsn }}'),
      ),
    ).toEqual(['may-be-left-out'])
    expect(
      rules(
        head +
          step('see', 'look', when) +
          step('next', 'look', `needs: [see], ${when}`, 'name: ${{ steps.see.lsn }}'),
      ),
    ).toEqual([])
  })

  test('a changing step without verify or timeout', () => {
    expect(rules(head + step('do', 'change'))).toEqual(['timeout-missing', 'verify-missing'])
    expect(rules(head + step('do', 'change', ends))).toEqual([])
  })

  test('a point of no return without an approval before it; an attestation is none', () => {
    expect(rules(head + gate + step('leave', 'leap', ends))).toEqual(['approval-missing'])
    expect(rules(head + gate + step('leave', 'leap', `needs: [approve], ${ends}`))).toEqual([])
    const attest = step('attest', 'approval', '', 'purpose: attestation, quorum: 2')
    expect(rules(head + attest + step('leave', 'leap', `needs: [attest], ${ends}`))).toEqual([
      'approval-missing',
    ])
  })

  test('a step that acts under authority, and none acquires it', () => {
    expect(rules(head + step('do', 'own', ends))).toEqual(['authority-missing'])
    const take = step('take', 'authority.acquire', `needs: [approve], ${ends}`)
    expect(rules(head + gate + take + step('do', 'own', `needs: [take], ${ends}`))).toEqual([])
  })

  test('a step that acts under authority but to stop, unless its input says that it stops', () => {
    const rulesOf = (count: string) => rules(head + step('do', 'run', ends, `name: x, count: ${count}`))
    expect(rulesOf('0')).toEqual([])
    expect(rulesOf('2')).toEqual(['authority-missing'])
    expect(rulesOf('${{ inputs.most }}')).toEqual(['authority-missing'])
  })

  test.each(['authority.acquire', 'dns.switch', 'pg.sql'])(
    '%s, which turns a system to another place or writes into its data, without an approval before it',
    (type) => {
      expect(rules(head + gate + step('turn', type, ends))).toEqual(['approval-missing'])
      expect(rules(head + gate + step('turn', type, `needs: [approve], ${ends}`))).toEqual([])
    },
  )

  test('an operation that sends citizens elsewhere, and nobody approves', () => {
    const book = `${head.replace('[failover]', '[operation]')}  - id: elsewhere
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
    expect(problems(head + step('ask', 'prom.ask'))).toMatchObject([
      { rule: 'failover-requires', reason: expect.stringContaining('prometheus') },
    ])
    expect(rules((head + step('ask', 'prom.ask')).replace('[failover]', '[switchover]'))).toEqual([])
  })

  test('a step that holds nothing up needs no way out and no verification, but ends', () => {
    expect(rules(head + step('say', 'tell', 'timeout: { attempt: 5s, total: 1m }'))).toEqual([])
    expect(rules(head + step('say', 'tell'))).toEqual(['timeout-missing'])
  })

  test("a site's name, in a value or in an expression", () => {
    expect(rules(head + step('see', 'look', '', 'name: db.gwangju.internal'))).toEqual(['site-literal'])
    expect(rules(head + step('see', 'look', '', `name: '\${{ to.site == "daejeon" ? "a" : "b" }}'`))).toEqual(
      ['site-literal'],
    )
    expect(rules(head + step('see', 'look', '', 'name: gwangjus'))).toEqual([])
  })

  test('a condition that is not boolean, reads outputs, or is no expression', () => {
    expect(rules(head + step('see', 'look', `when: '\${{ inputs.pace }}'`))).toEqual(['wrong-type'])
    expect(rules(head + step('see', 'look', 'when: yes please'))).toEqual(['wrong-type'])
    expect(
      rules(
        head + step('see', 'look') + step('next', 'look', `needs: [see], when: '\${{ steps.see.lag > 1 }}'`),
      ),
    ).toEqual(['when-reads-outputs'])
  })

  test('times that cannot be, and a gate with what gates do not have', () => {
    expect(
      rules(
        head + step('do', 'change', 'verify: { within: 1s, every: 2s }, timeout: { attempt: 2m, total: 1m }'),
      ),
    ).toEqual(['times', 'times'])
    expect(
      rules(
        head +
          step('approve', 'approval', 'timeout: { attempt: 1m, total: 1m }', 'purpose: failover, quorum: 0'),
      ),
    ).toEqual(['gate', 'gate-field'])
  })

  test('names that a plan keeps for itself', () => {
    expect(rules(head + step('see', 'look', '', 'name: { $expr: "1" }'))).toContain('reserved-name')
  })

  test('everything at once, in reading order', () => {
    const found = problems(
      head + step('see', 'lok') + step('do', 'change') + step('see', 'look', 'needs: [no]'),
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

describe('hostile text', () => {
  test('alias bombs, prototype keys, tags, depth and several documents are refused', () => {
    const bomb = `a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: [*b,*b,*b,*b,*b,*b,*b,*b,*b]\n`
    for (const text of [
      bomb,
      head + step('see', 'look', '', '__proto__: { polluted: 1 }'),
      'a: !!js/function x',
      '{a: '.repeat(50_000),
      `${head}${gate}---\n${head}`,
    ])
      expect(rules(text), text.slice(0, 40)).toContain('yaml')
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
  })

  test('never makes lint throw, hang or change a prototype', () => {
    const line = fc.constantFrom(
      ...(head + gate + step('see', 'look', 'needs: [approve]', 'name: ${{ system.id }}')).split('\n'),
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

test('loading names every problem of every file', async () => {
  await expect(loadRunbooks(['/nonexistent.yaml'], context)).rejects.toMatchObject({
    code: 'runbook-unreadable',
  })
  const file = new URL('failover-postgres-web.yaml', folder).pathname
  await expect(loadRunbooks([file, file], { stepTypes, sites })).rejects.toMatchObject({
    code: 'runbook-invalid',
    why: expect.stringContaining('duplicate-name'),
  })
})

test('an unknown field hides no other mistake', () => {
  const text = `${head}  - { id: go, ${title}, type: change, tiemout: 5, with: { name: daejeon } }\n`
  const rules = lintRunbook(text, 'x.yaml', context).map(({ rule }) => rule)
  expect(rules).toContain('unknown-field')
  expect(rules).toEqual(expect.arrayContaining(['verify-missing', 'timeout-missing', 'site-literal']))
})
