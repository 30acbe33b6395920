import { createScope, type Fields, type Scope } from '#expression/expression.ts'
import { digestOf } from '#model/digest.ts'
import { readYaml } from '#platform/yaml/document.ts'
import type { Problem } from '#platform/yaml/problem.ts'
import { checkShape, withoutUnknownFields } from '#platform/yaml/shape.ts'
import { compileStep } from './compile-step.ts'
import { lintGraph, type StepGraph } from './lint-graph.ts'
import { createReporter, type Reporter } from './reporter.ts'
import type { CompiledStep } from './runbook.ts'
import { isOfFleet, placedSteps, runbookSchema, type RunbookDefinition } from './schema.ts'
import { declaredOf, inputVariables, jsonSchemaOf, systemVariables, type StepTypeFacts } from './variables.ts'

/** What runbooks are read against. */
export interface RunbookContext {
  readonly stepTypes: ReadonlyMap<string, StepTypeFacts>
  /** Ids of the estate's sites, which no runbook may name. */
  readonly sites: readonly string[]
}

/** A runbook that was read and compiled by itself; what stands in other files has not been looked at yet. */
export interface Draft {
  readonly file: string
  readonly definition: RunbookDefinition
  readonly digest: string
  readonly graph: StepGraph
  readonly scope: Scope
  readonly reporter: Reporter
  readonly compiled: ReadonlyMap<string, CompiledStep>
}

/**
 * A draft from a text, or what is wrong with the text's form. Unknown fields hide nothing else: the rest is read
 * without them. Never throws.
 */
export function readDraft(text: string, file: string, context: RunbookContext): Draft | Problem[] {
  const document = readYaml(text, file)
  const shape = checkShape(document, runbookSchema)
  const rest = runbookSchema.safeParse(withoutUnknownFields(document.value, runbookSchema))
  if (!rest.success) return withQuotes(shape.problems, text)
  const definition = rest.data
  const reporter = createReporter(document)
  reporter.problems.push(...shape.problems)
  const graph = lintGraph(definition, reporter)
  const fields = fieldsOf(definition, context.stepTypes)
  const scope = createScope(fields)
  const compiled = new Map<string, CompiledStep>()
  for (const placed of placedSteps(definition))
    compiled.set(
      placed.step.id,
      compileStep(placed, { ...context, definition, graph, scope, fields, reporter }),
    )
  return { file, definition, digest: digestOf(definition), graph, scope, reporter, compiled }
}

/** The braces of an expression are YAML's own inside `{ }` and `[ ]`: the commonest slip, and the least clear message. */
function withQuotes(problems: readonly Problem[], text: string): Problem[] {
  const lines = text.split('\n')
  return problems.map((problem) =>
    problem.rule === 'yaml' && lines[problem.line - 1]?.includes('${{') === true
      ? { ...problem, remedy: "Inside { } or [ ] write an expression in quotes: '${{ system.id }}'." }
      : problem,
  )
}

function fieldsOf(definition: RunbookDefinition, stepTypes: RunbookContext['stepTypes']): Fields {
  const outputs = placedSteps(definition).flatMap(({ step: { id, type } }) => {
    const output = stepTypes.get(type)?.output
    return output === undefined ? [] : [[id, declaredOf(jsonSchemaOf(output, 'output'))] as const]
  })
  const inputs = inputVariables(definition.inputs)
  // A runbook of a fleet is about no single system.
  if (isOfFleet(definition)) return { inputs }
  return {
    ...systemVariables,
    inputs,
    steps: Object.fromEntries(outputs),
  }
}
