import { remedyFor } from '#platform/yaml/shape.ts'
import { lintPrinciples, type CallFacts } from './lint-principles.ts'
import type { Draft, RunbookContext } from './read.ts'
import {
  callSchema,
  isOfFleet,
  placedSteps,
  type CallDefinition,
  type InputDefinition,
  type PlacedStep,
  type StepDefinition,
} from './schema.ts'
import type { ValueTree } from './value-tree.ts'
import { inputFits } from './variables.ts'

/** Runbooks by name, as far as they could be read. */
export type Library = ReadonlyMap<string, Draft>

/** The runbook that a step calls, and what it gives to it; undefined when its form is wrong, which was reported. */
export function callOf(step: StepDefinition): CallDefinition | undefined {
  return step.type === 'runbook' ? callSchema.safeParse(step.with).data : undefined
}

/**
 * Checks drafts against each other, and against the principles: that each called runbook is there and takes what it
 * is given, that none calls itself, and what stands before a call. Reports into the drafts' own reporters.
 */
export function linkAll(drafts: Iterable<Draft>, library: Library, context: RunbookContext): void {
  const facts = new Map<Draft, CallFacts | undefined>()
  const link = (draft: Draft): CallFacts | undefined => {
    if (facts.has(draft)) return facts.get(draft)
    // Whoever calls this one while it is being linked is on a cycle, which is reported once per file.
    facts.set(draft, undefined)
    const { definition, graph, reporter } = draft
    for (const placed of placedSteps(definition)) lintCall(placed, draft, library)
    const found = lintPrinciples({
      definition,
      graph,
      reporter,
      stepTypes: context.stepTypes,
      called: (step) => {
        const other = library.get(callOf(step)?.runbook ?? '')
        return other === undefined ? undefined : link(other)
      },
    })
    facts.set(draft, found)
    return found
  }
  for (const draft of drafts) link(draft)
}

function lintCall(placed: PlacedStep, draft: Draft, library: Library): void {
  const { step, at } = placed
  const { reporter, definition } = draft
  const call = callOf(step)
  if (call === undefined) return
  const where = [...at, 'with', 'runbook']
  const other = library.get(call.runbook)
  if (other === undefined)
    return reporter.report(
      where,
      'unknown-runbook',
      `there is no runbook ${call.runbook}`,
      remedyFor(call.runbook, [...library.keys()]),
    )
  if (isOfFleet(other.definition))
    return reporter.report(
      where,
      'call-fleet',
      `${call.runbook} is for a fleet, and this one is for one system`,
      'Call a runbook for one system.',
    )
  const circle = wayBack(other, definition.metadata.name, library)
  if (circle !== undefined)
    return reporter.report(
      where,
      'runbook-calls-itself',
      `it would go on for ever: ${[definition.metadata.name, ...circle].join(' calls ')}`,
      'Remove one of these calls.',
    )
  const lacks = definition.modes.filter((mode) => !other.definition.modes.includes(mode))
  if (lacks.length > 0)
    reporter.report(
      where,
      'call-mode',
      `${call.runbook} is for ${other.definition.modes.join(', ')}, not for ${lacks.join(', ')}`,
      `Add ${lacks.join(', ')} to its modes, or use another.`,
    )
  lintInputs(placed, call, draft, other)
}

/** Names of runbooks on a way from one to another by calls, both included; undefined when there is none. */
function wayBack(from: Draft, to: string, library: Library): string[] | undefined {
  const seen = new Set<string>()
  const walk = (draft: Draft): string[] | undefined => {
    const { name } = draft.definition.metadata
    if (name === to) return [name]
    if (seen.has(name)) return undefined
    seen.add(name)
    for (const { step } of placedSteps(draft.definition)) {
      const next = library.get(callOf(step)?.runbook ?? '')
      const rest = next === undefined ? undefined : walk(next)
      if (rest !== undefined) return [name, ...rest]
    }
    return undefined
  }
  return walk(from)
}

const expressionTypes: Record<InputDefinition['type'], readonly string[]> = {
  string: ['string'],
  int: ['int'],
  number: ['int', 'double'],
  bool: ['bool'],
  list: ['list'],
}

function lintInputs({ step, at }: PlacedStep, call: CallDefinition, draft: Draft, other: Draft): void {
  const { reporter } = draft
  const { inputs } = other.definition
  const place = [...at, 'with', 'inputs']
  for (const name of Object.keys(call.inputs))
    if (!Object.hasOwn(inputs, name))
      reporter.reportField(
        [...place, name],
        'unknown-input',
        `${call.runbook} has no input ${name}`,
        remedyFor(name, Object.keys(inputs)),
      )
  for (const [name, input] of Object.entries(inputs)) {
    if (!Object.hasOwn(call.inputs, name)) {
      if (input.default === undefined)
        reporter.report(
          [...at, 'with'],
          'input-missing',
          `${call.runbook} needs the input ${name}, and has no default for it`,
          `Add ${name} to inputs.`,
        )
      continue
    }
    const given = fieldOf(fieldOf(draft.compiled.get(step.id)?.input, 'inputs'), name)
    const right =
      given?.kind === 'expression'
        ? given.expression.type === 'dyn' || expressionTypes[input.type].includes(given.expression.type)
        : inputFits[input.type](call.inputs[name])
    if (!right)
      reporter.report(
        [...place, name],
        'wrong-type',
        `${call.runbook} takes ${input.type} there`,
        'Give a value of that type.',
      )
  }
}

function fieldOf(tree: ValueTree | undefined, name: string): ValueTree | undefined {
  return tree?.kind === 'object' ? tree.fields.find(([field]) => field === name)?.[1] : undefined
}
