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
    inputs: Object.entries(definition.inputs).map(([name, input]) => ({
      ...{ name, type: input.type, title: input.title },
      default: input.default ?? null,
    })),
    graph: steps.map(({ definition: step, gate, ending }) => ({
      id: step.id,
      title: step.title,
      type: step.type,
      needs: [...step.needs],
      effect: stepTypes.get(step.type)?.effect ?? null,
      gate,
      ...(step.foreach === undefined ? {} : { foreach: itemsText(step.foreach.items) }),
      ...(step.type === 'runbook' ? { calls: String(step.with['runbook']) } : {}),
      ...(ending ? { finally: true as const } : {}),
    })),
  }
}

function itemsText(items: string | unknown[]): string {
  return typeof items === 'string'
    ? items.replaceAll(/^\s*\$\{\{\s*|\s*\}\}\s*$/g, '')
    : `${items.length} items`
}
