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

/**
 * The value of a tree: what can be told now is told, what reads outputs becomes Deferred.
 * `values` are the variables as plain JSON, `bound` the same for evaluation. Throws ExpressionError.
 */
export function resolveTree(
  tree: ValueTree,
  values: Readonly<Record<string, unknown>>,
  bound: Bound,
): unknown {
  switch (tree.kind) {
    case 'literal':
      return tree.value
    case 'expression':
      return readsOutputs(tree.expression)
        ? deferred(tree.expression, values)
        : tree.expression.evaluate(bound)
    case 'object':
      return Object.fromEntries(tree.fields.map(([name, inner]) => [name, resolveTree(inner, values, bound)]))
    case 'list':
      return tree.items.map((inner) => resolveTree(inner, values, bound))
  }
}

function deferred(expression: Expression, values: Readonly<Record<string, unknown>>): Deferred {
  const names = new Set(
    expression.references.flatMap(([name]) => (name === undefined || name === 'steps' ? [] : [name])),
  )
  return {
    $expr: expression.source,
    ...(names.size === 0 ? {} : { $let: Object.fromEntries([...names].map((name) => [name, values[name]])) }),
  }
}
