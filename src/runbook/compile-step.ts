import type { z } from 'zod'
import type { Scope } from '#expression/expression.ts'
import type { Path } from '#platform/yaml/document.ts'
import { problemsOf, remedyFor } from '#platform/yaml/shape.ts'
import { compileExpression, type ExpressionContext } from './compile-expression.ts'
import type { CompiledStep } from './runbook.ts'
import { gateSchema, gateType, type StepDefinition } from './schema.ts'
import { readsOutputs, type ValueTree } from './value-tree.ts'
import { jsonSchemaOf, typesAt, type JsonSchema, type StepTypeFacts } from './variables.ts'

export interface StepContext extends ExpressionContext {
  readonly scope: Scope
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
 * stands for a value that is checked when the plan is made), its `when`.
 */
export function compileStep(step: StepDefinition, index: number, context: StepContext): CompiledStep {
  const at: Path = ['steps', index]
  const when = step.when === undefined ? undefined : compileWhen(step, index, context)
  if (step.type === gateType) {
    const gate = gateSchema.safeParse(step.with).data ?? null
    return { definition: step, gate, typeVersion: 0, input: { kind: 'literal', value: {} }, when: undefined }
  }
  const type = context.stepTypes.get(step.type)
  const known = [gateType, ...context.stepTypes.keys()]
  if (type === undefined)
    context.reporter.report(
      [...at, 'type'],
      'unknown-type',
      `there is no step type ${step.type}`,
      remedyFor(step.type, known),
    )
  const placeholders: Path[] = []
  const schema = type === undefined ? {} : jsonSchemaOf(type.input, 'input')
  const input = compileTree(step.with, [], { step, at, schema, placeholders, context })
  if (type !== undefined) checkInput(step.with, type, placeholders, [...at, 'with'], context)
  return { definition: step, gate: null, typeVersion: type?.version ?? 0, input, when }
}

interface Place {
  step: StepDefinition
  at: Path
  schema: JsonSchema
  /** Where expressions stand, from `with` on. */
  placeholders: Path[]
  context: StepContext
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
        [...place.at, 'with', ...path, name],
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

function compileText(
  text: string,
  path: Path,
  { step, at, schema, placeholders, context }: Place,
): ValueTree {
  const where = [...at, 'with', ...path]
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
  type: StepTypeFacts,
  placeholders: readonly Path[],
  base: Path,
  { reporter }: StepContext,
): void {
  const result = type.input.safeParse(input, { reportInput: true })
  for (const issue of result.error?.issues ?? []) {
    const path = issue.path.map((part) => (typeof part === 'number' ? part : String(part)))
    const stands = placeholders.some(
      (place) =>
        place.every((part, index) => path[index] === part) ||
        (issue.code === 'invalid_union' && path.every((part, index) => place[index] === part)),
    )
    if (stands) continue
    reporter.problems.push(...problemsOf(issue, base, reporter.document, type.input as z.ZodType))
  }
}

function compileWhen(step: StepDefinition, index: number, context: StepContext) {
  const where: Path = ['steps', index, 'when']
  const expression = compileExpression(step.when ?? '', where, step, context)
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
