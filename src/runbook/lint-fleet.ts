import type { Reporter } from './reporter.ts'
import { fleetType, gateType, isOfFleet, placedSteps, type RunbookDefinition } from './schema.ts'

/* Rules about a runbook that sends a fleet: it decides when the systems go, and their own runbooks say how. */

const beside: ReadonlySet<string> = new Set([fleetType, gateType, 'manual', 'wait'])

export function lintFleet({
  definition,
  reporter,
}: {
  definition: RunbookDefinition
  reporter: Reporter
}): void {
  if (!isOfFleet(definition)) return
  if (definition.modes.some((mode) => mode !== 'failover'))
    reporter.report(
      ['modes'],
      'fleet-mode',
      `a fleet is a failover of many systems, and this runbook is for ${definition.modes.join(', ')}`,
      'Write modes: [failover].',
    )
  const placed = placedSteps(definition)
  for (const { step, at } of placed.filter((each) => each.step.type === fleetType).slice(1))
    reporter.report(
      [...at, 'type'],
      'fleet-once',
      `${step.id} would send the same systems again`,
      'Keep one.',
    )
  for (const { step, at } of placed)
    if (!beside.has(step.type))
      reporter.report(
        [...at, 'type'],
        'fleet-alone',
        `${step.type} works on one system, and a runbook of a fleet is about none`,
        'Write it into the runbooks of the systems; beside a fleet stand approval, manual and wait.',
      )
    else if (step.when !== undefined)
      reporter.reportField(
        [...at, 'when'],
        'fleet-when',
        'a runbook of a fleet leaves no step out',
        'Remove when.',
      )
}
