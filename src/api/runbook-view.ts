import type { Runbook } from '#runbook/runbook.ts'
import type { Effect } from '#runbook/step-type.ts'
import type { RunbookDetail } from './schema/estate.ts'

/** A runbook as the API and the CLI show it. */
export function runbookDetail(
  runbook: Runbook,
  stepTypes: ReadonlyMap<string, { readonly effect: Effect }>,
): RunbookDetail {
  const { definition, digest, steps } = runbook
  return {
    name: definition.metadata.name,
    title: definition.metadata.title,
    digest,
    modes: [...definition.modes],
    steps: steps.length,
    graph: steps.map((step) => ({
      id: step.definition.id,
      title: step.definition.title,
      type: step.definition.type,
      needs: [...step.definition.needs],
      effect: stepTypes.get(step.definition.type)?.effect ?? null,
      gate: step.gate,
    })),
  }
}
