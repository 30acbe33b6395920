import type { StepGraph } from './lint-graph.ts'
import { lintFleet } from './lint-fleet.ts'
import { lintStep } from './lint-step.ts'
import type { Reporter } from './reporter.ts'
import {
  fleetType,
  gateType,
  placedSteps,
  type PlacedStep,
  type RunbookDefinition,
  type StepDefinition,
} from './schema.ts'
import { actsUnderAuthority } from './step-type.ts'
import type { StepTypeFacts } from './variables.ts'

/** What a runbook, called from another, asks of the steps before the call, and gives to those after it. */
export interface CallFacts {
  /** The step after which there is no way back, and before which its own file has no approval. */
  readonly wantsApproval: string | undefined
  /** The step that acts only under an epoch that its own file does not acquire. */
  readonly wantsAuthority: string | undefined
  readonly acquires: boolean
}

export interface Principles {
  readonly definition: RunbookDefinition
  readonly graph: StepGraph
  readonly reporter: Reporter
  readonly stepTypes: ReadonlyMap<string, StepTypeFacts>
  /** Facts of the runbook that a `runbook` step calls; undefined when that was reported already. */
  called(step: StepDefinition): CallFacts | undefined
}

/*
 * Rules that the design's principles make: what changes the world is looked at afterwards and ends, no way back
 * without people's word, no effect without authority, and a failover that needs nothing but the recovery site.
 */
export function lintPrinciples(about: Principles): CallFacts {
  const { definition, stepTypes, reporter } = about
  const placed = placedSteps(definition)
  const wants: { approval?: string; authority?: string } = {}
  for (const each of placed) {
    const type = stepTypes.get(each.step.type)
    lintStep(each, definition, type, reporter)
    if (type !== undefined) lintType(each, type, about)
    const missing = missingBefore(each, type, about)
    if (missing.approval !== undefined) wants.approval ??= missing.approval
    if (missing.authority !== undefined) wants.authority ??= missing.authority
    if (definition.part !== true) reportMissing(each, missing, reporter)
  }
  lintEndingApproved(about)
  lintFleet(about)
  return {
    wantsApproval: wants.approval,
    wantsAuthority: wants.authority,
    acquires: placed.some(({ step }) => acquires(step, about)),
  }
}

function lintType({ step, at }: PlacedStep, type: StepTypeFacts, about: Principles): void {
  const { definition, reporter } = about
  const { effect, requires, optional = false } = type
  for (const field of ['verify', 'timeout'] as const)
    if (effect !== 'read' && step[field] === undefined && !(optional && field === 'verify'))
      reporter.report(
        at,
        `${field}-missing`,
        `${step.id} changes something (${effect}) and has no ${field}`,
        `Add ${field}.`,
      )
  if (
    definition.modes.includes('failover') &&
    requires.length > 0 &&
    !optional &&
    step.onUnreachable?.failover === undefined
  )
    reporter.report(
      [...at, 'type'],
      'failover-requires',
      `in a failover ${step.type} may find no ${requires.join(', ')}: only PostgreSQL, the recovery site's cluster and its name server are there for sure`,
      'Say what then: onUnreachable: { failover: skip } (or ask, or wait); or use a step type that needs only those.',
    )
}

interface Missing {
  approval?: string
  authority?: string
}

/** What a step needs before it and does not have in this file. */
function missingBefore({ step }: PlacedStep, type: StepTypeFacts | undefined, about: Principles): Missing {
  const { definition, graph } = about
  const called = step.type === 'runbook' ? about.called(step) : undefined
  const before = (test: (other: StepDefinition) => boolean) =>
    placedSteps(definition).some(
      ({ step: other }) => graph.ancestors.get(step.id)?.has(other.id) === true && test(other),
    )
  const approval = isDecisive(step, type) ? step.id : called?.wantsApproval
  // An operation acts under the authority that its site holds anyway, and takes none.
  const standing = definition.modes.every((mode) => mode === 'operation')
  const under = type !== undefined && actsUnderAuthority(type, step.with)
  const authority = standing ? undefined : under ? step.id : called?.wantsAuthority
  return {
    ...(approval === undefined || before(isApproval) ? {} : { approval }),
    ...(authority === undefined || before((other) => acquires(other, about)) ? {} : { authority }),
  }
}

/** Who is primary, where citizens are sent, and what is written into their data, is decided by people too. */
const decisive: ReadonlySet<string> = new Set([
  ...[fleetType, 'authority.acquire', 'dns.switch', 'lb.switch'],
  'pg.sql',
])

function isDecisive({ type: name }: StepDefinition, type: StepTypeFacts | undefined): boolean {
  return type?.effect === 'point-of-no-return' || decisive.has(name)
}

function reportMissing({ step, at }: PlacedStep, { approval, authority }: Missing, reporter: Reporter): void {
  if (approval !== undefined)
    reporter.report(
      at,
      'approval-missing',
      `${approval} has no way back, turns a system to another place, or writes into its data, and no approval stands before ${approval === step.id ? 'it' : step.id}`,
      'Put an approval step before it, by needs, whose purpose is the mode.',
    )
  if (authority !== undefined)
    reporter.report(
      [...at, 'type'],
      'authority-missing',
      `${authority === step.id ? step.type : authority} acts only under a held epoch, and no step before ${step.id} acquires one`,
      'Put authority.acquire before it, by needs.',
    )
}

/** An approval of the plan, not an attestation of the loss. */
function isApproval({ type, with: input }: StepDefinition): boolean {
  return type === gateType && input['purpose'] !== 'attestation'
}

function acquires(step: StepDefinition, about: Principles): boolean {
  return (
    step.type === 'authority.acquire' || (step.type === 'runbook' && about.called(step)?.acquires === true)
  )
}

/** Steps under `finally` run whenever the gates at the beginning were passed: where people approve, that must be there. */
function lintEndingApproved({ definition, stepTypes, reporter }: Principles): void {
  const gates = definition.steps.filter(isApproval)
  if (gates.length === 0 || gates.some(({ needs }) => needs.length === 0)) return
  for (const { step, at, ending } of placedSteps(definition)) {
    const effect = stepTypes.get(step.type)?.effect
    if (ending && effect !== undefined && effect !== 'read')
      reporter.report(
        at,
        'finally-unapproved',
        `${step.id} changes something at the end whatever happened, and nobody approves at the beginning`,
        'Put an approval without needs among steps.',
      )
  }
}
