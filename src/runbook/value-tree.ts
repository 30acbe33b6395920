import type { Bound, Expression } from '#expression/expression.ts'

/** The `with` of a step after compilation: data, with expressions in some places. */
export type ValueTree =
  | { kind: 'literal'; value: unknown }
  | { kind: 'expression'; expression: Expression }
  | { kind: 'object'; fields: readonly (readonly [string, ValueTree])[] }
  | { kind: 'list'; items: readonly ValueTree[] }

/** Stands in a plan where a value will come from the outputs of other nodes. */
export interface Deferred {
  /** The expression's source. */
  $expr: string
  /** The variables that it reads besides outputs, with the values that they had when the plan was made. */
  $let?: Record<string, unknown>
  /** What the ids of the steps that it names begin with in the plan; absent: the node's system. */
  $in?: string
}

/** True for a value of a plan that waits for outputs. */
export function isDeferred(value: unknown): value is Deferred {
  return typeof value === 'object' && value !== null && '$expr' in value && typeof value.$expr === 'string'
}

/** True when anything in a value waits for outputs. */
export function holdsDeferred(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  return isDeferred(value) || Object.values(value).some(holdsDeferred)
}

/** Whether an expression reads what other steps gave. */
export function readsOutputs(expression: Expression): boolean {
  return expression.references.some(([variable]) => variable === 'steps')
}

/** Where an expression is resolved. */
export interface Surroundings {
  /** The variables as plain JSON; what a caller gives may be Deferred itself. */
  readonly values: Readonly<Record<string, unknown>>
  /** The same for evaluation. */
  readonly bound: Bound
  /** Goes into `$in`. */
  readonly within?: string | undefined
}

/**
 * The value of a tree: what can be told now is told, what reads outputs (itself, or through what a caller gave)
 * becomes Deferred. Throws ExpressionError.
 */
export function resolveTree(tree: ValueTree, around: Surroundings): unknown {
  switch (tree.kind) {
    case 'literal':
      return tree.value
    case 'expression':
      return waits(tree.expression, around.values)
        ? deferred(tree.expression, around)
        : tree.expression.evaluate(around.bound)
    case 'object':
      return Object.fromEntries(tree.fields.map(([name, inner]) => [name, resolveTree(inner, around)]))
    case 'list':
      return tree.items.map((inner) => resolveTree(inner, around))
  }
}

/** Whether an expression has no value before outputs are there. */
export function waits(expression: Expression, values: Readonly<Record<string, unknown>>): boolean {
  return (
    readsOutputs(expression) ||
    expression.references.some(([variable = '', name]) => holdsDeferred(partOf(values[variable], name)))
  )
}

function partOf(value: unknown, name: string | undefined): unknown {
  return name !== undefined && typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? (value as Record<string, unknown>)[name]
    : value
}

function deferred(expression: Expression, { values, within }: Surroundings): Deferred {
  const given: Record<string, unknown> = {}
  for (const [variable = '', name] of expression.references) {
    if (variable === 'steps') continue
    if (variable !== 'inputs' || name === undefined) given[variable] = values[variable]
    else given[variable] = { ...(given[variable] as object), [name]: partOf(values[variable], name) }
  }
  return {
    $expr: expression.source,
    ...(Object.keys(given).length === 0 ? {} : { $let: given }),
    ...(within === undefined ? {} : { $in: within }),
  }
}
