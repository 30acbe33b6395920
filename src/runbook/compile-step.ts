import type { z } from 'zod'
import {
  createScope,
  type Declared,
  type Expression,
  type Fields,
  type Scope,
} from '#expression/expression.ts'
import type { Path } from '#platform/yaml/document.ts'
import { problemsOf, remedyFor } from '#platform/yaml/shape.ts'
import { compileExpression, type ExpressionContext } from './compile-expression.ts'
import type { CompiledForeach, CompiledStep } from './runbook.ts'
import { builtIns, gateSchema, gateType, type PlacedStep, type StepDefinition } from './schema.ts'
import { readsOutputs, type ValueTree } from './value-tree.ts'
import { jsonSchemaOf, typesAt, type JsonSchema, type StepTypeFacts } from './variables.ts'

export interface StepContext extends ExpressionContext {
  readonly scope: Scope
  /** What expressions may read: `scope` is made of it, and a `foreach` adds to it. */
  readonly fields: Fields
  readonly stepTypes: ReadonlyMap<string, StepTypeFacts>
}

/** JSON types of what an expression's type can be; `dyn` and others fit anywhere as far as we can tell. */
const jsonTypes: Partial<Record<string, readonly string[]>> = {
  string: ['string'],
  int: ['integer', 'number'],
  double: ['number'],
  bool: ['boolean'],
  null: ['null'],
  list: ['array'],
  map: ['object'],
}

/**
 * Compiles one step and reports whatever does not fit: its type, its input against the type's shape (an expression
 * stands for a value that is checked when the plan is made), its `when`, its `foreach`.
 */
export function compileStep({ step, at, ending }: PlacedStep, outer: StepContext): CompiledStep {
  const when = step.when === undefined ? undefined : compileCondition(step.when, [...at, 'when'], step, outer)
  const plain = { definition: step, ending, typeVersion: 0, when, foreach: undefined }
  if (step.type === gateType) {
    const gate = gateSchema.safeParse(step.with).data ?? null
    return { ...plain, gate, input: { kind: 'literal', value: {} } }
  }
  const foreach = compileForeach({ step, at, ending }, outer)
  const context = foreach === undefined ? outer : { ...outer, scope: foreach.scope }
  const type = context.stepTypes.get(step.type)
  const shape = builtIns.get(step.type) ?? type?.input
  if (shape === undefined)
    context.reporter.report(
      [...at, 'type'],
      'unknown-type',
      `there is no step type ${step.type}`,
      remedyFor(step.type, [...builtIns.keys(), ...context.stepTypes.keys()]),
    )
  const placeholders: Path[] = []
  const schema = shape === undefined ? {} : jsonSchemaOf(shape, 'input')
  const input = compileTree(step.with, [], { step, at, schema, placeholders, context })
  if (shape !== undefined) checkInput(step.with, shape, placeholders, [...at, 'with'], context)
  return { ...plain, gate: null, typeVersion: type?.version ?? 0, input, foreach }
}

/** What a step is repeated for. Its items are known when the plan is made: an expression of them reads no outputs. */
function compileForeach({ step, at }: PlacedStep, outer: StepContext): CompiledForeach | undefined {
  const { foreach: definition } = step
  if (definition === undefined) return undefined
  const where = [...at, 'foreach', 'items']
  const found: { element: Declared } = { element: 'dyn' }
  const items: ValueTree = { kind: 'literal', value: definition.items }
  const give = (tree: ValueTree): CompiledForeach => {
    const scope = createScope({ ...outer.fields, item: found.element, index: 'int' })
    const inner = { ...outer, scope }
    const key =
      definition.key === undefined
        ? undefined
        : compileKey(definition.key, [...at, 'foreach', 'key'], step, inner)
    return { definition, items: tree, key, scope }
  }
  if (typeof definition.items !== 'string') {
    const { items: list } = definition
    if (list.every((item) => typeof item === 'string')) found.element = 'string'
    return give(
      compileTree(list, [], {
        step,
        at: [...at, 'foreach', 'items'],
        schema: {},
        placeholders: [],
        context: outer,
        bare: true,
      }),
    )
  }
  const expression = compileExpression(definition.items, where, step, outer)
  if (typeof expression === 'string') {
    if (expression === 'text')
      outer.reporter.report(
        where,
        'wrong-type',
        'items are a list',
        'Write a list, or ${{ … }} that gives one.',
      )
    return give(items)
  }
  if (expression.type !== 'list' && expression.type !== 'dyn')
    outer.reporter.report(
      where,
      'wrong-type',
      `items are a list, and this gives ${expression.type}`,
      'Give a list.',
    )
  refuseOutputs(expression, where, 'items are known when the plan is made, before there are outputs', outer)
  found.element = expression.element
  return give({ kind: 'expression', expression })
}

function compileKey(
  text: string,
  where: Path,
  step: StepDefinition,
  context: StepContext,
): Expression | undefined {
  const expression = compileExpression(text, where, step, context)
  if (expression === 'wrong') return undefined
  if (expression === 'text' || (expression.type !== 'string' && expression.type !== 'dyn')) {
    context.reporter.report(
      where,
      'wrong-type',
      'a key is text that is made of the item',
      'Write ${{ item.name }}, for instance.',
    )
    return undefined
  }
  refuseOutputs(expression, where, 'a key is known when the plan is made, before there are outputs', context)
  return expression
}

function refuseOutputs(expression: Expression, where: Path, reason: string, { reporter }: StepContext): void {
  if (readsOutputs(expression))
    reporter.report(where, 'plan-reads-outputs', reason, 'Use inputs, system, from, to or targets.')
}

interface Place {
  step: StepDefinition
  at: Path
  schema: JsonSchema
  /** Where expressions stand, from `with` on. */
  placeholders: Path[]
  context: StepContext
  /** `at` is where the value itself stands, not the step that has it as its `with`. */
  bare?: true
}

function placeOf(place: Place, path: Path): Path {
  return place.bare === true ? [...place.at, ...path] : [...place.at, 'with', ...path]
}

function compileTree(value: unknown, path: Path, place: Place): ValueTree {
  if (typeof value === 'string') return compileText(value, path, place)
  if (Array.isArray(value)) {
    const items = value.map((item: unknown, index) => compileTree(item, [...path, index], place))
    return items.every(({ kind }) => kind === 'literal')
      ? { kind: 'literal', value }
      : { kind: 'list', items }
  }
  if (typeof value !== 'object' || value === null) return { kind: 'literal', value }
  const fields = Object.entries(value).map(([name, inner]) => {
    if (name.startsWith('$'))
      place.context.reporter.reportField(
        [...placeOf(place, path), name],
        'reserved-name',
        `names that begin with $ are reserved`,
        'Choose another name.',
      )
    return [name, compileTree(inner, [...path, name], place)] as const
  })
  return fields.every(([, { kind }]) => kind === 'literal')
    ? { kind: 'literal', value }
    : { kind: 'object', fields }
}

function compileText(text: string, path: Path, place: Place): ValueTree {
  const { step, schema, placeholders, context } = place
  const where = placeOf(place, path)
  const expression = compileExpression(text, where, step, context)
  if (expression === 'text') return { kind: 'literal', value: text }
  placeholders.push(path)
  if (expression === 'wrong') return { kind: 'literal', value: text }
  const allowed = typesAt(schema, path)
  const given = jsonTypes[expression.type]
  if (allowed !== undefined && given !== undefined && !given.some((type) => allowed.has(type)))
    context.reporter.report(
      where,
      'wrong-type',
      `the expression gives ${given[0] ?? expression.type}, and ${step.type} takes ${[...allowed].join(' or ')} here`,
      'Give a value of that type.',
    )
  return { kind: 'expression', expression }
}

/** Checks an input against its type's schema; what is wrong where an expression stands is left to the plan. */
function checkInput(
  input: Record<string, unknown>,
  shape: z.ZodType,
  placeholders: readonly Path[],
  base: Path,
  { reporter }: StepContext,
): void {
  const result = shape.safeParse(input, { reportInput: true })
  for (const issue of result.error?.issues ?? []) {
    const path = issue.path.map((part) => (typeof part === 'number' ? part : String(part)))
    const stands = placeholders.some(
      (place) =>
        place.every((part, index) => path[index] === part) ||
        (issue.code === 'invalid_union' && path.every((part, index) => place[index] === part)),
    )
    if (stands) continue
    reporter.problems.push(...problemsOf(issue, base, reporter.document, shape))
  }
}

function compileCondition(
  text: string,
  where: Path,
  step: StepDefinition,
  context: StepContext,
): Expression | undefined {
  const expression = compileExpression(text, where, step, context)
  if (expression === 'wrong') return undefined
  if (expression === 'text') {
    context.reporter.report(
      where,
      'wrong-type',
      'a condition is an expression',
      'Write ${{ … }} that is true or false.',
    )
    return undefined
  }
  if (expression.type !== 'bool')
    context.reporter.report(
      where,
      'wrong-type',
      `a condition must be true or false, and this gives ${expression.type}`,
      'Compare it with something, such as ${{ inputs.mode == "full" }}.',
    )
  if (readsOutputs(expression))
    context.reporter.report(
      where,
      'when-reads-outputs',
      'a condition is decided when the plan is made, before there are outputs',
      'Decide by inputs, system, from, to or targets.',
    )
  return expression
}
