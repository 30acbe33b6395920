import { cyclesOf, reachable, type Edges } from '#estate/graph.ts'
import { remedyFor } from '#platform/yaml/shape.ts'
import type { Reporter } from './reporter.ts'
import type { StepDefinition } from './schema.ts'

/** The graph of a runbook's steps. */
export interface StepGraph {
  /** Per step, every step that has succeeded when it begins. */
  readonly ancestors: ReadonlyMap<string, ReadonlySet<string>>
  /** Every step after all that it needs; in the order of the file where the graph leaves it open. */
  readonly sequence: readonly string[]
}

/** Checks names and edges: doubles, unknown needs, cycles, and a prerequisite step that is not there. */
export function lintGraph(steps: readonly StepDefinition[], reporter: Reporter): StepGraph {
  const ids = steps.map(({ id }) => id)
  const known = new Set(ids)
  const edges: Edges = new Map(steps.map(({ id, needs }) => [id, needs.filter((need) => known.has(need))]))
  for (const [index, { id, needs, prerequisites }] of steps.entries()) {
    const at = ['steps', index] as const
    if (ids.indexOf(id) !== index) {
      const { line } = reporter.document.at(['steps', ids.indexOf(id), 'id'])
      reporter.report(
        [...at, 'id'],
        'duplicate-id',
        `the step ${id} is there already, on line ${line}`,
        'Give it another id.',
      )
    }
    for (const [nth, need] of needs.entries()) {
      if (!known.has(need))
        reporter.report(
          [...at, 'needs', nth],
          'unknown-step',
          `there is no step ${need}`,
          remedyFor(need, ids),
        )
      else if (needs.indexOf(need) !== nth)
        reporter.report([...at, 'needs', nth], 'duplicate-need', `${need} is named twice`, 'Name it once.')
    }
    if (prerequisites !== undefined && !known.has(prerequisites))
      reporter.report(
        [...at, 'prerequisites'],
        'unknown-step',
        `there is no step ${prerequisites} to wait for in other systems`,
        remedyFor(prerequisites, ids),
      )
  }
  for (const cycle of cyclesOf(edges))
    reporter.report(
      ['steps', ids.indexOf(cycle[0] ?? ''), 'needs'],
      'cyclic-needs',
      `none of these can begin first: ${cycle.join(' needs ')}`,
      'Remove one of these needs.',
    )
  return {
    ancestors: new Map(ids.map((id) => [id, new Set(reachable(edges, id))])),
    sequence: sequenceOf(ids, edges),
  }
}

/** Depth first; what lies on a cycle comes at the end of its own walk, and is reported above. */
function sequenceOf(ids: readonly string[], edges: Edges): string[] {
  const done = new Set<string>()
  const begun = new Set<string>()
  const visit = (id: string) => {
    if (begun.has(id)) return
    begun.add(id)
    for (const need of edges.get(id) ?? []) visit(need)
    done.add(id)
  }
  for (const id of ids) visit(id)
  return [...done]
}
