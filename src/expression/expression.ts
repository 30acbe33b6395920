import { Environment, type ASTNode } from '@marcbachmann/cel-js'
import { inspect, type Reference } from './ast.ts'
import { ExpressionError } from './error.ts'
import { fromCel, toCel } from './values.ts'

/*
 * CEL behind one interface. Expressions see only what a scope declares, call nothing that looks outside or at the
 * clock, and end: their length, nodes, depth and nesting of loops are limited.
 * Integers are CEL's 64-bit ones inside, and plain safe numbers at this edge, both ways.
 */

/** The type of a variable: CEL's name of it, or its fields. */
export type Declared =
  'string' | 'int' | 'double' | 'bool' | 'dyn' | `list<${string}>` | `map<${string}>` | Fields
export interface Fields {
  readonly [field: string]: Declared
}

/** The type of an expression's value as far as it can be told without evaluating. */
export type ResultType = 'string' | 'int' | 'double' | 'bool' | 'null' | 'list' | 'map' | 'dyn' | 'other'

/** Values of a scope's variables, converted once and used by many evaluations. */
export interface Bound {
  readonly values: Readonly<Record<string, unknown>>
}

export interface Expression {
  readonly source: string
  readonly type: ResultType
  /** For a list, the type of its elements as a variable may be declared. */
  readonly element: Declared
  /** What it reads, each as a path from a variable: `['steps', 'standby', 'receivedLsn']`. */
  readonly references: readonly Reference[]
  /** Texts that are written in it. */
  readonly texts: readonly string[]
  /** Its value as JSON. Throws ExpressionError when it has none, or one that JSON cannot carry. */
  evaluate(bound: Bound): unknown
}

export interface Scope {
  /** Throws ExpressionError: syntax, unknown names, types that do not fit, a limit, `matches`. */
  compile(source: string): Expression
  /** JSON values of the variables. A whole number is an int unless its type was declared a double. */
  bind(values: Readonly<Record<string, unknown>>): Bound
}

export const limits = { length: 2_000, nodes: 400, depth: 24, elements: 200, loops: 2 } as const

const options = {
  homogeneousAggregateLiterals: false,
  unlistedVariablesAreDyn: false,
  limits: {
    maxAstNodes: limits.nodes,
    maxDepth: limits.depth,
    maxListElements: limits.elements,
    maxMapEntries: limits.elements,
    maxCallArguments: 8,
  },
}

const parser = new Environment(options)

/**
 * What an expression reads, before it is known what there is to read. Names of its own loops are among it.
 * Throws ExpressionError for what does not parse.
 */
export function referencesIn(source: string): readonly Reference[] {
  if (source.length > limits.length) return []
  return inspect(guarded(source, () => parser.parse(source)).ast as ASTNode).references
}

/** A scope: the variables that expressions may use, and their types. */
export function createScope(variables: Fields): Scope {
  const checker = new Environment(options)
  const evaluator = new Environment(options)
  for (const [name, declared] of Object.entries(variables)) {
    if (typeof declared === 'string') checker.registerVariable(name, declared)
    else checker.registerVariable({ name, schema: schemaOf(declared) })
    // Values are plain JSON: evaluation needs no types, and converting to typed objects would cost each time.
    evaluator.registerVariable(name, 'dyn')
  }
  return {
    compile: (source) => compile(source, checker, evaluator, new Set(Object.keys(variables))),
    bind: (values) => ({
      values: Object.fromEntries(
        Object.entries(variables).map(([name, declared]) => [name, toCel(values[name], declared)]),
      ),
    }),
  }
}

/** A field without fields of its own has nothing to check names against. */
function schemaOf(fields: Fields): Record<string, never> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, declared]) => [
      name,
      typeof declared === 'string'
        ? declared
        : Object.keys(declared).length === 0
          ? 'dyn'
          : schemaOf(declared),
    ]),
  ) as Record<string, never>
}

function compile(
  source: string,
  checker: Environment,
  evaluator: Environment,
  names: ReadonlySet<string>,
): Expression {
  if (source.length > limits.length)
    throw new ExpressionError(source, 0, `the expression is longer than ${limits.length} characters`)
  const parsed = guarded(source, () => evaluator.parse(source))
  const { references, texts, loops, refused } = inspect(parsed.ast as ASTNode)
  if (refused !== undefined) throw new ExpressionError(source, refused.offset, refused.reason, refused.remedy)
  if (loops > limits.loops)
    throw new ExpressionError(source, 0, `loops are nested deeper than ${limits.loops}`)
  const checked = guarded(source, () => checker.check(source))
  if (!checked.valid) throw translated(source, checked.error)
  return {
    source,
    type: typeNamed(String(checked.type)),
    element: elementOf(String(checked.type)),
    // What a loop names is its own, not the scope's.
    references: references.filter(([name]) => name !== undefined && names.has(name)),
    texts,
    evaluate: (bound) =>
      fromCel(
        source,
        guarded(source, () => parsed(bound.values) as unknown),
      ),
  }
}

/** Runs CEL; whatever it throws becomes an ExpressionError. */
function guarded<T>(source: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw translated(source, error)
  }
}

function translated(source: string, error: unknown): ExpressionError {
  const { summary, message, range } = Object(error) as {
    summary?: string
    message?: string
    range?: { start: number }
  }
  const reason = (summary ?? message ?? String(error)).split('\n')[0] ?? ''
  return new ExpressionError(source, range?.start ?? 0, reason)
}

function elementOf(name: string): Declared {
  const inner = /^list<(.+)>$/.exec(name)?.[1] ?? 'dyn'
  if (inner === 'string' || inner === 'int' || inner === 'double' || inner === 'bool') return inner
  return /^(list|map)<[\w<>, ]+>$/.test(inner) ? (inner as Declared) : 'dyn'
}

function typeNamed(name: string): ResultType {
  switch (name) {
    case 'string':
    case 'int':
    case 'double':
    case 'bool':
    case 'dyn':
      return name
    case 'uint':
      return 'int'
    case 'null':
    case 'null_type':
      return 'null'
    default:
      if (name.startsWith('list')) return 'list'
      return name.startsWith('map') || name.startsWith('$') ? 'map' : 'other'
  }
}
