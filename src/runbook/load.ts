import { readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { createScope } from '#expression/expression.ts'
import { digestOf } from '#model/digest.ts'
import { HaetaeError, messageOf } from '#model/errors.ts'
import { readYaml } from '#platform/yaml/document.ts'
import { inReadingOrder, problemLine, type Problem } from '#platform/yaml/problem.ts'
import { checkShape } from '#platform/yaml/shape.ts'
import { compileStep } from './compile-step.ts'
import { lintGraph } from './lint-graph.ts'
import { lintPrinciples } from './lint-principles.ts'
import { createReporter } from './reporter.ts'
import type { CompiledStep, Runbook } from './runbook.ts'
import { runbookSchema, type RunbookDefinition } from './schema.ts'
import { declaredOf, inputVariables, jsonSchemaOf, systemVariables, type StepTypeFacts } from './variables.ts'

/** What runbooks are read against. */
export interface RunbookContext {
  readonly stepTypes: ReadonlyMap<string, StepTypeFacts>
  /** Ids of the estate's sites, which no runbook may name. */
  readonly sites: readonly string[]
}

/** A runbook from its text, and everything that is wrong with it, in reading order. Never throws. */
export function readRunbook(
  text: string,
  file: string,
  context: RunbookContext,
): { runbook?: Runbook; problems: Problem[] } {
  const document = readYaml(text, file)
  const shape = checkShape(document, runbookSchema)
  if (shape.value === undefined) return { problems: inReadingOrder(withQuotes(shape.problems, text)) }
  const definition = shape.value
  const reporter = createReporter(document)
  const graph = lintGraph(definition.steps, reporter)
  const scope = scopeOf(definition, context.stepTypes)
  const compiled = new Map<string, CompiledStep>()
  for (const [index, step] of definition.steps.entries())
    compiled.set(step.id, compileStep(step, index, { ...context, definition, graph, scope, reporter }))
  lintPrinciples(definition, context.stepTypes, graph, reporter)
  if (reporter.problems.length > 0) return { problems: inReadingOrder(reporter.problems) }
  const steps = graph.sequence.flatMap((id) => compiled.get(id) ?? [])
  return { runbook: { file, definition, digest: digestOf(definition), steps, scope }, problems: [] }
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

/** Everything that is wrong with a runbook's text, in reading order. Never throws. */
export function lintRunbook(text: string, file: string, context: RunbookContext): Problem[] {
  return readRunbook(text, file, context).problems
}

function scopeOf(definition: RunbookDefinition, stepTypes: RunbookContext['stepTypes']) {
  const outputs = definition.steps.flatMap(({ id, type }) => {
    const output = stepTypes.get(type)?.output
    return output === undefined ? [] : [[id, declaredOf(jsonSchemaOf(output, 'output'))] as const]
  })
  return createScope({
    ...systemVariables,
    inputs: inputVariables(definition.inputs),
    steps: Object.fromEntries(outputs),
  })
}

/**
 * The runbooks of a set of files, by name. Throws `runbook-invalid` with the problems of all files at once
 * (`facts.problems`), `runbook-unreadable` for a file that cannot be read.
 */
export async function loadRunbooks(
  files: readonly string[],
  context: RunbookContext,
): Promise<Map<string, Runbook>> {
  const read = await Promise.all(
    files.map(async (file) => {
      const text = await readFile(file, 'utf8').catch((error: unknown) => {
        throw new HaetaeError('runbook-unreadable', file, {
          where: file,
          why: messageOf(error),
          cause: error,
        })
      })
      return readRunbook(text, file, context)
    }),
  )
  const problems = read.flatMap((each) => each.problems)
  const byName = new Map<string, Runbook>()
  for (const { runbook } of read) {
    if (runbook === undefined) continue
    const { name } = runbook.definition.metadata
    const other = byName.get(name)
    if (other !== undefined) problems.push(sameName(runbook, other))
    byName.set(name, runbook)
  }
  if (problems.length > 0) throw runbookInvalid(files, problems)
  return byName
}

function sameName({ file, definition }: Runbook, other: Runbook): Problem {
  return {
    file,
    line: 1,
    column: 1,
    path: 'metadata.name',
    rule: 'duplicate-name',
    reason: `${other.file} is named ${definition.metadata.name} too`,
    remedy: 'Give one of the two another name.',
  }
}

/** The error for problems of runbooks. */
export function runbookInvalid(files: readonly string[], problems: readonly Problem[]): HaetaeError {
  return new HaetaeError('runbook-invalid', files.map((file) => basename(file)).join(', '), {
    where: problems
      .slice(0, 1)
      .map(({ file, line, column }) => `${file}:${line}:${column}`)
      .join(''),
    why: problems.map(problemLine).join('\n'),
    facts: { problems },
  })
}
