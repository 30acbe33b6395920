import { ExpressionError } from '#expression/error.ts'
import type { CompiledStep, Runbook } from '#runbook/runbook.ts'
import { builtIns } from '#runbook/schema.ts'
import { holdsDeferred, resolveTree, type Surroundings } from '#runbook/value-tree.ts'
import { inputFits } from '#runbook/variables.ts'
import type { PlanRequest } from './request.ts'

/** The values of a called runbook's inputs, or what is wrong. What waits for outputs is checked where it is used. */
export function givenInputs(
  { definition }: Runbook,
  given: Record<string, unknown>,
): Record<string, unknown> | string {
  const inputs: Record<string, unknown> = {}
  for (const [name, input] of Object.entries(definition.inputs)) {
    const value = Object.hasOwn(given, name) ? given[name] : input.default
    if (!holdsDeferred(value) && !inputFits[input.type](value))
      return `${definition.metadata.name} takes ${input.type} for ${name}`
    inputs[name] = value
  }
  return inputs
}

/** The step's input, or what is wrong with it. Whole inputs are checked; what waits for outputs is checked when it runs. */
export function inputOf(
  { definition, input }: CompiledStep,
  id: string,
  around: Surroundings,
  { stepTypes }: PlanRequest,
): Record<string, unknown> | string {
  try {
    const made = resolveTree(input, around) as Record<string, unknown>
    const builtIn = builtIns.get(definition.type)
    if (holdsDeferred(made) && builtIn === undefined) return made
    if (holdsDeferred(made) && definition.type !== 'runbook')
      return `${id}: a ${definition.type} step is known when the plan is made, and this waits for outputs`
    const checked = (builtIn ?? stepTypes.get(definition.type)?.input)?.safeParse(made)
    if (checked === undefined) return `${id}: there is no step type ${definition.type}`
    if (checked.success) return checked.data as Record<string, unknown>
    return checked.error.issues
      .map((issue) => `${id}: with.${issue.path.join('.')}: ${issue.message}`)
      .join('\n')
  } catch (error) {
    return `${id}: ${expressionMistake(error)}`
  }
}

/** What is wrong with an expression, in a line. Throws whatever else it is. */
export function expressionMistake(error: unknown): string {
  if (!(error instanceof ExpressionError)) throw error
  // What a system does not have, its values do not have either.
  const missing = /^No such key: (\w+)$/.exec(error.message)?.[1]
  if (missing !== undefined && /\b(system|from|to)\./.test(error.source))
    return `${error.source}: the estate's entry of the system has no ${missing}`
  return `${error.source}: ${error.message}`
}
