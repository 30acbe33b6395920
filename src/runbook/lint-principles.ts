import { parseDuration } from '#model/time.ts'
import type { StepGraph } from './lint-graph.ts'
import type { Reporter } from './reporter.ts'
import { gateSchema, gateType, type RunbookDefinition, type StepDefinition } from './schema.ts'
import type { StepTypeFacts } from './variables.ts'

/*
 * Rules that the design's principles make: what changes the world is looked at afterwards and ends, no way back
 * without people's word, no effect without authority, and a failover that needs nothing but the recovery site.
 */
export function lintPrinciples(
  { modes, steps }: RunbookDefinition,
  stepTypes: ReadonlyMap<string, StepTypeFacts>,
  graph: StepGraph,
  reporter: Reporter,
): void {
  const before = (id: string, test: (step: StepDefinition) => boolean) =>
    steps.some((other) => graph.ancestors.get(id)?.has(other.id) === true && test(other))
  for (const [index, step] of steps.entries()) {
    const at = ['steps', index] as const
    lintTimes(step, index, reporter)
    if (step.type === gateType) {
      lintGate(step, index, reporter)
      continue
    }
    const type = stepTypes.get(step.type)
    if (type === undefined) continue
    const { effect, requires } = type
    for (const field of ['verify', 'timeout'] as const)
      if (effect !== 'read' && step[field] === undefined)
        reporter.report(
          at,
          `${field}-missing`,
          `${step.id} changes something (${effect}) and has no ${field}`,
          `Add ${field}.`,
        )
    if (effect === 'point-of-no-return' && !before(step.id, isApproval))
      reporter.report(
        at,
        'approval-missing',
        `there is no way back after ${step.id}, and no approval before it`,
        'Put an approval step for purpose failover before it, by needs.',
      )
    if (type.needsAuthority && !before(step.id, ({ type: other }) => other === 'authority.acquire'))
      reporter.report(
        [...at, 'type'],
        'authority-missing',
        `${step.type} acts only under a held epoch, and no step before ${step.id} acquires one`,
        'Put authority.acquire before it, by needs.',
      )
    if (modes.includes('failover') && requires.length > 0)
      reporter.report(
        [...at, 'type'],
        'failover-requires',
        `in a failover ${step.type} may find no ${requires.join(', ')}: only PostgreSQL, the recovery site's cluster and its name server are there for sure`,
        'Use a step type that needs only those, or take failover out of modes.',
      )
  }
}

/** An approval of the plan, not an attestation of the loss. */
function isApproval({ type, with: input }: StepDefinition): boolean {
  return type === gateType && input['purpose'] === 'failover'
}

function lintGate(step: StepDefinition, index: number, reporter: Reporter): void {
  const at = ['steps', index] as const
  for (const field of ['verify', 'timeout', 'retry', 'when', 'prerequisites'] as const)
    if (step[field] !== undefined)
      reporter.reportField(
        [...at, field],
        'gate-field',
        `a gate waits for people and has no ${field}`,
        `Remove ${field}; how long a signature counts is policy.`,
      )
  const read = gateSchema.safeParse(step.with)
  for (const issue of read.error?.issues ?? [])
    reporter.report(
      [...at, 'with', ...issue.path.map((part) => (typeof part === 'number' ? part : String(part)))],
      'gate',
      issue.message,
      'A gate takes purpose (failover or attestation) and quorum (how many people).',
    )
}

function lintTimes({ verify, timeout, retry }: StepDefinition, index: number, reporter: Reporter): void {
  const longer = (a: string | undefined, b: string | undefined) =>
    a !== undefined && b !== undefined && (parseDuration(a) ?? 0) > (parseDuration(b) ?? 0)
  const report = (field: string, inner: string, reason: string) =>
    reporter.report(['steps', index, field, inner], 'times', reason, 'Correct one of the two.')
  if (longer(verify?.every, verify?.within)) report('verify', 'every', 'it would be looked at less than once')
  if (longer(timeout?.attempt, timeout?.total))
    report('timeout', 'attempt', 'one attempt may take longer than all')
  if (longer(retry?.pause, timeout?.total))
    report('retry', 'pause', 'the first pause is longer than the time for all tries')
}
