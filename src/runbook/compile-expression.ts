import { ExpressionError } from '#expression/error.ts'
import { referencesIn, type Expression, type Scope } from '#expression/expression.ts'
import { mixedRemedy, readTemplate } from '#expression/template.ts'
import type { Path } from '#platform/yaml/document.ts'
import { remedyFor } from '#platform/yaml/shape.ts'
import type { StepGraph } from './lint-graph.ts'
import type { Reporter } from './reporter.ts'
import { builtIns, placedSteps, type RunbookDefinition, type StepDefinition } from './schema.ts'

export interface ExpressionContext {
  readonly definition: RunbookDefinition
  readonly graph: StepGraph
  /** Ids of the estate's sites: a runbook names none of them. */
  readonly sites: readonly string[]
  readonly scope: Scope
  readonly reporter: Reporter
}

/**
 * The expression that a text is; `text` when it is plain text, `wrong` when it is neither and was reported.
 * Reports what it may not read: unknown inputs, steps that are not before it, and sites by name.
 */
export function compileExpression(
  text: string,
  at: Path,
  step: StepDefinition,
  context: ExpressionContext,
): Expression | 'text' | 'wrong' {
  const { reporter } = context
  const scope = context.scope
  const template = readTemplate(text)
  if (template.kind === 'mixed') {
    reporter.report(at, 'mixed-value', 'text and expression are mixed in one value', mixedRemedy)
    return 'wrong'
  }
  if (template.kind === 'text') {
    refuseSites([text], at, context)
    return 'text'
  }
  try {
    const complaint = referencesIn(template.source)
      .map((reference) => complaintAbout(reference, step, context))
      .find((found) => found !== undefined)
    if (complaint !== undefined) {
      reporter.report(at, complaint.rule, complaint.reason, complaint.remedy)
      return 'wrong'
    }
    const expression = scope.compile(template.source)
    refuseSites(expression.texts, at, context)
    return expression
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error
    reporter.report(
      at,
      'expression',
      error.message,
      error.remedy ?? 'Correct the expression.',
      template.offset + error.offset,
    )
    return 'wrong'
  }
}

interface Complaint {
  rule: string
  reason: string
  remedy: string
}

function complaintAbout(
  [variable, name]: readonly string[],
  step: StepDefinition,
  { definition, graph }: ExpressionContext,
): Complaint | undefined {
  if (variable === 'from' && definition.modes.includes('operation'))
    return {
      rule: 'operation-from',
      reason: 'in an operation nothing moves, and there is no from',
      remedy: 'Use to, the site where the system is active; or remove operation from modes.',
    }
  if (variable === 'inputs') {
    const known = Object.keys(definition.inputs)
    if (name !== undefined && known.includes(name)) return undefined
    const reason = name === undefined ? 'inputs is no value' : `the runbook has no input ${name}`
    return {
      rule: 'unknown-input',
      reason,
      remedy: name === undefined ? 'Name one input.' : remedyFor(name, known),
    }
  }
  if (variable !== 'steps') return undefined
  const ancestors = [...(graph.ancestors.get(step.id) ?? [])]
  if (name === undefined)
    return {
      rule: 'unknown-step',
      reason: 'steps is no value',
      remedy: 'Name one step: steps.standby.receivedLsn.',
    }
  const placed = placedSteps(definition)
  const target = placed.find(({ step: { id } }) => id === name)?.step
  if (target === undefined)
    return { rule: 'unknown-step', reason: `there is no step ${name}`, remedy: remedyFor(name, ancestors) }
  if (builtIns.has(target.type) || target.foreach !== undefined)
    return {
      rule: 'no-output',
      reason:
        target.foreach !== undefined
          ? `${name} runs for each of several items and gives no single output`
          : `${name} is ${target.type === 'runbook' ? 'another runbook' : 'a gate'} and gives nothing`,
      remedy: 'Refer to a step that acts or reads.',
    }
  if (!ancestors.includes(name))
    return {
      rule: 'not-an-ancestor',
      reason: `${name} has not ended for sure when ${step.id} begins`,
      remedy: `Add ${name} to the needs of ${step.id}, or of a step before it.`,
    }
  const skipping = Object.entries(target.onUnreachable ?? {}).find(([, what]) => what === 'skip')
  if (skipping !== undefined)
    return {
      rule: 'may-be-left-out',
      reason: `${name} is skipped in a ${skipping[0]} when its target does not answer, and ${step.id} reads its output`,
      remedy: `Let ${name} wait or ask instead.`,
    }
  if (target.when !== undefined && target.when !== step.when)
    return {
      rule: 'may-be-left-out',
      reason: `${name} has a condition and may be left out, and ${step.id} reads its output`,
      remedy: `Give ${step.id} the same condition.`,
    }
  return undefined
}

/** A runbook serves every site: the sites come from the plan. */
function refuseSites(texts: readonly string[], at: Path, { sites, reporter }: ExpressionContext): void {
  for (const text of texts)
    for (const site of sites)
      if (new RegExp(`(^|[^a-z0-9])${site}($|[^a-z0-9])`, 'i').test(text))
        reporter.report(
          at,
          'site-literal',
          `the site ${site} is named literally`,
          'Use ${{ from.site }} or ${{ to.site }}.',
        )
}
