import { run } from '@bufbuild/cel'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ExpressionError } from './error.ts'
import { createScope, limits } from './expression.ts'
import { readTemplate } from './template.ts'

const variables = {
  system: {
    id: 'string',
    traffic: { name: 'string', port: 'int' },
    workloads: 'list<map<string,dyn>>',
  },
  steps: { standby: { receivedLsn: 'string', lag: 'double' } },
  inputs: 'dyn',
} as const
const values = {
  system: {
    id: 'GPK',
    traffic: { name: 'gpk.gov.test', port: 443 },
    workloads: [{ deployment: 'web', replicas: 1 }],
  },
  steps: { standby: { receivedLsn: '0/3000148', lag: 2 } },
  inputs: { bound: 300, ratio: 1.5, names: ['a', 'b'], on: true, nothing: null },
}
const scope = createScope(variables)
const bound = scope.bind(values)
const evaluate = (source: string) => scope.compile(source).evaluate(bound)
const refused = (source: string) => {
  try {
    return evaluate(source)
  } catch (error) {
    if (error instanceof ExpressionError) return { offset: error.offset, reason: error.message }
    throw error
  }
}

describe('a value', () => {
  test('keeps its type: text, integer, list, object', () => {
    expect(evaluate('system.id')).toBe('GPK')
    expect(evaluate('system.traffic.port + 1')).toBe(444)
    expect(evaluate('system.workloads')).toEqual([{ deployment: 'web', replicas: 1 }])
    expect(evaluate('system.workloads.map(w, {"deployment": w.deployment, "replicas": 0})')).toEqual([
      { deployment: 'web', replicas: 0 },
    ])
    expect(evaluate('steps.standby.lag / 4.0')).toBe(0.5)
    expect(evaluate('has(inputs.missing) ? inputs.missing : "none"')).toBe('none')
  })

  test('has a type before it is evaluated, and says what it reads', () => {
    expect(scope.compile('system.traffic.port == 443').type).toBe('bool')
    expect(scope.compile('system.traffic').type).toBe('map')
    expect(scope.compile('inputs.bound').type).toBe('dyn')
    expect(
      scope.compile('steps["standby"].receivedLsn + system.workloads.map(w, w.deployment)[0]').references,
    ).toEqual([
      ['steps', 'standby', 'receivedLsn'],
      ['system', 'workloads'],
    ])
  })

  test('that JSON cannot carry is refused', () => {
    for (const source of [
      '9007199254740993',
      '1.0 / 0.0',
      'b"a"',
      'duration("1s")',
      'timestamp("2020-01-01T00:00:00Z")',
    ])
      expect(refused(source), source).toMatchObject({
        reason: expect.stringContaining('no value of a field'),
      })
    expect(evaluate('9007199254740991')).toBe(Number.MAX_SAFE_INTEGER)
  })

  test('never holds a BigInt, and integers pass both ways unchanged', () => {
    fc.assert(
      fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
        const any = createScope({ value: 'dyn' })
        // JSON text has no -0: neither do we.
        const plain: unknown = JSON.parse(JSON.stringify(value))
        if (JSON.stringify(plain).includes('__proto__')) return
        expect(any.compile('value').evaluate(any.bind({ value: plain }))).toEqual(plain)
      }),
    )
  })
})

describe('an expression is refused', () => {
  test('with the place of the mistake: syntax, unknown name, types that do not fit', () => {
    expect(refused('1 +')).toMatchObject({ offset: 3 })
    expect(refused('system.trafic')).toEqual({ offset: 7, reason: 'No such key: trafic' })
    expect(refused('nope')).toEqual({ offset: 0, reason: 'Unknown variable: nope' })
    expect(refused('system.id + 1')).toMatchObject({ reason: expect.stringContaining('string + int') })
    expect(refused('')).toMatchObject({ offset: 0 })
  })

  test('when it could take for ever: patterns, deep loops, size, depth', () => {
    expect(refused('system.id.matches("(a+)+$")')).toMatchObject({
      reason: expect.stringContaining('matches'),
    })
    expect(refused('[1].map(x, [1].map(y, [1].map(z, z)))')).toMatchObject({
      reason: expect.stringContaining('nested'),
    })
    expect(refused('1'.padEnd(limits.length + 1))).toMatchObject({
      reason: expect.stringContaining('longer'),
    })
    expect(refused(Array.from({ length: limits.nodes }, () => '1').join('+'))).toMatchObject({
      reason: expect.any(String),
    })
    expect(refused('('.repeat(500) + '1' + ')'.repeat(500))).toMatchObject({
      reason: expect.stringContaining('maxDepth'),
    })
  })

  test('when it reaches for what is not data', () => {
    for (const source of [
      'inputs.constructor',
      'inputs.__proto__',
      'inputs["__proto__"]',
      'inputs.names.constructor',
      'system.constructor',
      '{"__proto__": {"a": 1}}',
    ])
      expect(refused(source), source).toMatchObject({ reason: expect.any(String) })
  })

  test('whatever the text is, without a crash or a change to any prototype', () => {
    const token = fc.constantFrom(
      'system',
      '.',
      'id',
      '(',
      ')',
      '[',
      ']',
      '{',
      '}',
      '"a"',
      '1',
      '+',
      '?',
      ':',
      'map',
      ',',
      '__proto__',
      'constructor',
      '&&',
      'in',
      '-',
      '!',
    )
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ maxLength: 60 }),
          fc.array(token, { maxLength: 25 }).map((tokens) => tokens.join('')),
        ),
        (source) => {
          refused(source)
          expect(Object.keys(Object.prototype)).toEqual([])
        },
      ),
      { numRuns: 2_000 },
    )
  })
})

const withoutValue = new Set(['inputs.zzz', 'inputs.names[5]', '1 / 0', '9223372036854775807 + 1'])

/** The second implementation of CEL is the oracle. Its numbers are doubles unless given as BigInt. */
test.each([
  'system.id == "GPK" && system.traffic.port > 100',
  'system.traffic.name.startsWith("gpk") || inputs.bound < 0',
  'system.traffic.port + 1 - 2 * 3 / 2 % 5',
  '-7 / 2',
  '-7 % 3',
  '"https://" + system.traffic.name',
  'size(system.workloads) + size("한글") + size(inputs.names)',
  'system.workloads.all(w, w.replicas > 0)',
  'system.workloads.exists(w, w.deployment == "db")',
  'inputs.names.map(n, n + "!")',
  'inputs.names.filter(n, n != "a")',
  'inputs.names.exists_one(n, n == "a")',
  '"a" in inputs.names',
  '"bound" in inputs',
  'has(inputs.bound)',
  'has(inputs.zzz)',
  'inputs.zzz',
  'inputs.names[5]',
  'inputs.bound > 100 ? "far" : "near"',
  'inputs.ratio * 2.0',
  'double(inputs.bound) * inputs.ratio',
  'int("42") + int(1.9)',
  'string(443) + string(true) + string(1.5)',
  'inputs.bound == 300.0',
  'inputs.ratio > 1',
  'inputs.nothing == null',
  'false && inputs.zzz == 1',
  'inputs.zzz == 1 && false',
  'true || inputs.zzz == 1',
  '1 / 0',
  '9223372036854775807 + 1',
  '[1, 2] + [3]',
  '[1, 2] == [1, 2]',
  '{"a": [1, {"b": true}]}',
  '{"a": 1}.a',
  '"abc".contains("b") && "abc".endsWith("c")',
  '!(inputs.on)',
  '"a" < "b"',
  '"\\u00e9" == "é"',
  'r"\\n" == "\\\\n"',
  '1 < 2 == true',
  'dyn(1) == dyn("1")',
])('agrees with the second implementation on %s', (source) => {
  const ours = outcome(() => evaluate(source))
  const theirs = outcome(() => {
    const value = run(source, bound.values as Record<string, never>)
    if (value instanceof Error) throw value
    return plain(value)
  })
  expect(ours).toEqual(theirs)
  expect(ours === 'no value').toBe(withoutValue.has(source))
})

/** Well-typed expressions of every kind that a runbook uses, nested. */
const generated = fc.letrec<{ int: string; bool: string; text: string; list: string }>((tie) => ({
  int: fc.oneof(
    { maxDepth: 4 },
    fc.integer({ min: 0, max: 9 }).map(String),
    fc.constantFrom('system.traffic.port', 'size(inputs.names)', 'size(system.workloads)'),
    fc
      .tuple(tie('int'), fc.constantFrom('+', '-', '*', '/', '%'), tie('int'))
      .map(([a, op, b]) => `(${a} ${op} ${b})`),
    tie('text').map((text) => `size(${text})`),
    fc.tuple(tie('bool'), tie('int'), tie('int')).map(([on, a, b]) => `(${on} ? ${a} : ${b})`),
  ),
  bool: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom('true', 'false', 'inputs.on', 'has(inputs.zzz)', '"a" in inputs.names'),
    fc
      .tuple(tie('int'), fc.constantFrom('<', '<=', '==', '!=', '>', '>='), tie('int'))
      .map(([a, op, b]) => `(${a} ${op} ${b})`),
    fc.tuple(tie('bool'), fc.constantFrom('&&', '||'), tie('bool')).map(([a, op, b]) => `(${a} ${op} ${b})`),
    fc
      .tuple(tie('text'), fc.constantFrom('startsWith', 'endsWith', 'contains'), tie('text'))
      .map(([a, name, b]) => `${a}.${name}(${b})`),
    tie('bool').map((on) => `!(${on})`),
    fc
      .tuple(tie('list'), fc.constantFrom('all', 'exists', 'exists_one'))
      .map(([list, name]) => `${list}.${name}(n, size(n) > 0)`),
  ),
  text: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom('system.id', 'system.traffic.name', '"한글"', '""', '"a"'),
    fc.tuple(tie('text'), tie('text')).map(([a, b]) => `(${a} + ${b})`),
    tie('int').map((value) => `string(${value})`),
  ),
  list: fc.oneof(
    { maxDepth: 3 },
    fc.constant('inputs.names'),
    fc.array(tie('text'), { minLength: 1, maxLength: 3 }).map((items) => `[${items.join(', ')}]`),
    tie('list').map((list) => `${list}.map(n, n + "!")`),
  ),
}))

test('agrees with the second implementation on expressions that nobody wrote', () => {
  let compared = 0
  fc.assert(
    fc.property(fc.oneof(generated.int, generated.bool, generated.text, generated.list), (source) => {
      // Ours refuses what is too long, deep or nested; the other has no limits.
      if (outcome(() => scope.compile(source)) === 'no value') {
        expect(refused(source)).toMatchObject({ reason: expect.stringMatching(/limit|max|nested|longer/i) })
        return
      }
      compared += 1
      const theirs = outcome(() => {
        const value = run(source, bound.values as Record<string, never>)
        if (value instanceof Error) throw value
        return plain(value)
      })
      expect(
        outcome(() => evaluate(source)),
        source,
      ).toEqual(theirs)
    }),
    { numRuns: 400 },
  )
  expect(compared).toBeGreaterThan(200)
})

function outcome(work: () => unknown): unknown {
  try {
    return { value: work() }
  } catch {
    return 'no value'
  }
}

/** What the oracle gave, as JSON. */
function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value)
  if (typeof value !== 'object' || value === null) return value
  const items = [...(value as Iterable<unknown>)]
  if (items.every((item) => Array.isArray(item) && 'get' in value))
    return Object.fromEntries((items as [string, unknown][]).map(([key, inner]) => [key, plain(inner)]))
  return items.map(plain)
}

describe('a text of a YAML file', () => {
  test('is an expression when it is one as a whole', () => {
    expect(readTemplate('${{ system.id }}')).toEqual({ kind: 'expression', source: 'system.id', offset: 4 })
    expect(readTemplate("${{ {'a': {'b': 1}} }}")).toMatchObject({
      kind: 'expression',
      source: "{'a': {'b': 1}}",
    })
    expect(readTemplate('plain {{ }} $ text')).toEqual({ kind: 'text', text: 'plain {{ }} $ text' })
  })

  test('that mixes text and expressions is refused', () => {
    for (const text of ['https://${{ system.id }}', '${{ a }}-x', '${{ a }}${{ b }}', '${{ a', '${{'])
      expect(readTemplate(text), text).toEqual({ kind: 'mixed' })
  })
})
