import { parseDuration } from '#model/time.ts'
import type { Path } from '#platform/yaml/document.ts'
import type { Reporter } from './reporter.ts'
import {
  builtIns,
  fleetSchema,
  fleetType,
  gateSchema,
  gateType,
  type PlacedStep,
  type RunbookDefinition,
} from './schema.ts'
import { actsUnderAuthority } from './step-type.ts'
import type { StepTypeFacts } from './variables.ts'

/* Rules about one step by itself: fields that do not fit together, times, and what stands under `finally`. */

export function lintStep(
  placed: PlacedStep,
  definition: RunbookDefinition,
  type: StepTypeFacts | undefined,
  reporter: Reporter,
): void {
  lintTimes(placed, reporter)
  for (const field of type?.literals ?? []) lintLiteral(placed, field.split('.'), reporter)
  if (builtIns.has(placed.step.type)) lintBuiltIn(placed, reporter)
  if (placed.step.type === gateType) lintGate(placed, definition, reporter)
  lintRamp(placed, reporter)
  if (placed.ending) lintEnding(placed, type, reporter)
  lintUnreachable(placed, definition, type, reporter)
  lintOperation(placed, definition, reporter)
}

const refusedOf: Record<
  string,
  readonly ('verify' | 'timeout' | 'retry' | 'when' | 'prerequisites' | 'onUnreachable' | 'foreach')[]
> = {
  approval: ['verify', 'timeout', 'retry', 'when', 'prerequisites', 'onUnreachable', 'foreach'],
  manual: ['verify', 'timeout', 'retry', 'onUnreachable'],
  wait: ['verify', 'timeout', 'retry', 'onUnreachable'],
  runbook: ['verify', 'timeout', 'retry', 'onUnreachable', 'prerequisites'],
  fleet: ['verify', 'timeout', 'retry', 'onUnreachable', 'prerequisites', 'foreach'],
}

function lintBuiltIn({ step, at }: PlacedStep, reporter: Reporter): void {
  const isCall = step.type === 'runbook'
  const isFleet = step.type === fleetType
  for (const field of refusedOf[step.type] ?? [])
    if (step[field] !== undefined)
      reporter.reportField(
        [...at, field],
        isCall ? 'call-field' : isFleet ? 'fleet-field' : 'gate-field',
        isFleet
          ? `a fleet step has no ${field}: the runbooks of its systems have`
          : isCall
            ? `a runbook step has no ${field}: its own steps have`
            : `a gate ${step.type === 'wait' ? 'waits' : 'waits for people'} and has no ${field}`,
        step.type === 'approval'
          ? `Remove ${field}; how long a signature counts is policy.`
          : `Remove ${field}.`,
      )
}

function lintGate({ step, at }: PlacedStep, { modes }: RunbookDefinition, reporter: Reporter): void {
  const read = gateSchema.safeParse(step.with)
  for (const issue of read.error?.issues ?? [])
    reporter.report(
      [...at, 'with', ...issue.path.map((part) => (typeof part === 'number' ? part : String(part)))],
      'gate',
      issue.message,
      'A gate takes purpose (a mode of the runbook, or attestation) and quorum (how many people).',
    )
  const purpose = read.data?.purpose
  if (purpose === 'attestation' && (!modes.includes('failover') || modes.includes('operation')))
    reporter.report(
      [...at, 'with', 'purpose'],
      'gate-mode',
      `people attest the loss of a site in a failover, and this runbook is for ${modes.join(', ')}`,
      modes.includes('operation')
        ? 'Ask for an approval; or let a runbook for failovers alone ask for it.'
        : 'Ask for an approval, or add failover to modes.',
    )
  else if (purpose !== undefined && purpose !== 'attestation' && !modes.includes(purpose))
    reporter.report(
      [...at, 'with', 'purpose'],
      'gate-mode',
      `this runbook is for ${modes.join(', ')}, not for ${purpose}`,
      `Write ${modes.join(' or ')}.`,
    )
}

/** What people review word by word is not put together while planning. */
function lintLiteral({ step, at }: PlacedStep, path: readonly string[], reporter: Reporter): void {
  let value: unknown = step.with
  for (const [depth, part] of path.entries()) {
    value = typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[part] : undefined
    if (typeof value !== 'string' || !value.includes('${{')) continue
    reporter.report(
      [...at, 'with', ...path.slice(0, depth + 1)],
      'literal-field',
      `${path.join('.')} of ${step.type} is reviewed as it stands here, so no expression may make it`,
      'Write the text itself, and give what differs as parameters.',
    )
    return
  }
}

function lintRamp({ step, at }: PlacedStep, reporter: Reporter): void {
  const isFleet = step.type === fleetType
  // Whatever else of a fleet is an expression: these two may be written out all the same.
  const limits = isFleet ? fleetSchema.pick({ ramp: true, maxParallel: true }).partial() : undefined
  const fleet = limits?.strip().safeParse(step.with).data
  const { ramp, maxParallel } = fleet ?? step.foreach ?? {}
  const sizes = ramp?.split('-').map(Number) ?? []
  if (maxParallel !== undefined && sizes.some((size) => size > maxParallel))
    reporter.report(
      [...at, isFleet ? 'with' : 'foreach', 'ramp'],
      'ramp',
      `a batch of ${Math.max(...sizes)} is more than maxParallel, ${maxParallel}`,
      'Raise maxParallel, or end the ramp sooner.',
    )
}

function lintEnding({ step, at }: PlacedStep, type: StepTypeFacts | undefined, reporter: Reporter): void {
  if (builtIns.has(step.type))
    reporter.report(
      [...at, 'type'],
      'finally-gate',
      `${step.type} may wait for ever or stand for more than this file shows, and the end of a run must come`,
      'Write steps of plain types under finally.',
    )
  if (step.foreach !== undefined)
    reporter.reportField(
      [...at, 'foreach'],
      'finally-foreach',
      'a step under finally is not repeated',
      'Write one step an item.',
    )
  if (type?.effect === 'point-of-no-return')
    reporter.report(
      [...at, 'type'],
      'finally-effect',
      `${step.type} cannot be taken back, and steps under finally run whatever happened before`,
      'Put it among steps.',
    )
}

function lintUnreachable(
  { step, at }: PlacedStep,
  { modes }: RunbookDefinition,
  type: StepTypeFacts | undefined,
  reporter: Reporter,
): void {
  for (const [mode, what] of Object.entries(step.onUnreachable ?? {})) {
    const where: Path = [...at, 'onUnreachable', mode]
    if (!modes.some((one) => one === mode))
      reporter.reportField(
        where,
        'unreachable-mode',
        `this runbook is not for ${mode}`,
        `Name one of its modes: ${modes.join(', ')}.`,
      )
    const safe =
      type?.effect !== 'point-of-no-return' &&
      (type === undefined || !actsUnderAuthority(type, step.with)) &&
      !step.type.startsWith('authority.')
    if (what === 'skip' && !safe)
      reporter.report(
        where,
        'skip-unsafe',
        `nothing after ${step.id} is safe without it`,
        'Wait or ask instead.',
      )
  }
}

/** Steps by which a system gets another primary. */
const moving = ['authority.attest', 'authority.acquire', 'authority.fence', 'pg.promote']

function lintOperation({ step, at }: PlacedStep, { modes }: RunbookDefinition, reporter: Reporter): void {
  if (!modes.includes('operation') || !moving.includes(step.type)) return
  reporter.report(
    [...at, 'type'],
    'operation-moves',
    `${step.type} gives a system another primary, and an operation leaves it where it is`,
    'Write it into a runbook for failovers.',
  )
}

function lintTimes({ step: { verify, timeout, retry }, at }: PlacedStep, reporter: Reporter): void {
  const longer = (a: string | undefined, b: string | undefined) =>
    a !== undefined && b !== undefined && (parseDuration(a) ?? 0) > (parseDuration(b) ?? 0)
  const report = (field: string, inner: string, reason: string) =>
    reporter.report([...at, field, inner], 'times', reason, 'Correct one of the two.')
  if (longer(verify?.every, verify?.within)) report('verify', 'every', 'it would be looked at less than once')
  if (longer(timeout?.attempt, timeout?.total))
    report('timeout', 'attempt', 'one attempt may take longer than all')
  if (longer(retry?.pause, timeout?.total))
    report('retry', 'pause', 'the first pause is longer than the time for all tries')
}
