import { ExpressionError } from '#expression/error.ts'
import { createScope, type Expression, type Scope } from '#expression/expression.ts'
import { HaetaeError } from '#model/errors.ts'
import type { AnyStepType } from '#runbook/step-type.ts'
import { isDeferred, type Deferred } from '#runbook/value-tree.ts'
import type { PlanNode } from './plan.ts'

export type Outputs = ReadonlyMap<string, unknown>

/**
 * Makes the function that puts outputs of other nodes into a node's input when it is about to run, and checks the
 * whole against its step type. It throws `expression-failed` when an output is not there, or the value does not fit.
 */
export function createResolver(
  stepTypes: ReadonlyMap<string, Pick<AnyStepType, 'input'>>,
): (node: PlanNode, outputs: Outputs) => Record<string, unknown> {
  const compiled = compiler()
  return (node, outputs) => {
    const value = resolve(node.with, '', { node, outputs, compiled })
    const checked = stepTypes.get(node.type)?.input.safeParse(value)
    if (checked === undefined)
      throw new HaetaeError('expression-failed', node.id, { why: `there is no step type ${node.type}` })
    if (checked.success) return checked.data as Record<string, unknown>
    throw new HaetaeError('expression-failed', node.id, {
      why: checked.error.issues.map(({ path, message }) => `with.${path.join('.')}: ${message}`).join('\n'),
    })
  }
}

interface Context {
  node: PlanNode
  outputs: Outputs
  compiled: Compiler
}

function resolve(value: unknown, path: string, context: Context): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (isDeferred(value)) return evaluate(value, path, context)
  if (Array.isArray(value)) return value.map((item, index) => resolve(item, `${path}[${index}]`, context))
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [
      name,
      resolve(inner, path === '' ? name : `${path}.${name}`, context),
    ]),
  )
}

function evaluate(deferred: Deferred, path: string, { node, outputs, compiled }: Context): unknown {
  const context = { node, outputs, compiled }
  // What a caller gave to a part may wait for outputs itself, of steps beside the call.
  const given = resolve(deferred.$let ?? {}, path, context) as Record<string, unknown>
  try {
    const known = compiled(deferred)
    const steps = stepsOf(known.expression).map(
      (step) => [step, outputs.get(nodeId(node, deferred, step))] as const,
    )
    return known.expression.evaluate(known.scope.bind({ ...given, steps: Object.fromEntries(steps) }))
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error
    throw new HaetaeError('expression-failed', node.id, {
      where: `${node.id} with.${path}`,
      why: `${deferred.$expr}: ${error.message}`,
      cause: error,
    })
  }
}

type Compiled = { scope: Scope; expression: Expression }
type Compiler = (deferred: Deferred) => Compiled

/** Compiles each expression once. Throws ExpressionError. */
function compiler(): Compiler {
  const known = new Map<string, Compiled>()
  return ({ $expr, $let }) => {
    const names = Object.keys($let ?? {})
    const key = JSON.stringify([$expr, names])
    const found = known.get(key) ?? compile($expr, names)
    known.set(key, found)
    return found
  }
}

function compile(source: string, names: readonly string[]): Compiled {
  const scope = createScope({
    steps: 'dyn',
    ...Object.fromEntries(names.map((name) => [name, 'dyn' as const])),
  })
  return { scope, expression: scope.compile(source) }
}

function stepsOf({ references }: Expression): string[] {
  return references.flatMap(([variable, step]) => (variable === 'steps' && step !== undefined ? [step] : []))
}

function nodeId(node: PlanNode, { $in }: Deferred, step: string): string {
  return `${$in ?? node.system}/${step}`
}

/** Makes the function that tells which nodes' outputs the input of a node waits for. It throws ExpressionError. */
export function createOutputsRead(): (node: PlanNode) => string[] {
  const compiled = compiler()
  const read = (value: unknown, node: PlanNode): string[] => {
    if (typeof value !== 'object' || value === null) return []
    if (!isDeferred(value)) return Object.values(value).flatMap((inner) => read(inner, node))
    const named = stepsOf(compiled(value).expression).map((step) => nodeId(node, value, step))
    return [...named, ...read(value.$let, node)]
  }
  return (node) => [...new Set(read(node.with, node))]
}
