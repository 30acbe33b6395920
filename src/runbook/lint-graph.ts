import { cyclesOf, reachable, type Edges } from '#estate/graph.ts'
import { remedyFor } from '#platform/yaml/shape.ts'
import type { Reporter } from './reporter.ts'
import { placedSteps, type PlacedStep, type RunbookDefinition } from './schema.ts'

/** The graph of a runbook's steps. */
export interface StepGraph {
  /** Per step, every step that has succeeded when it begins. */
  readonly ancestors: ReadonlyMap<string, ReadonlySet<string>>
  /** Every step after all that it needs; in the order of the file where the graph leaves it open. */
  readonly sequence: readonly string[]
}

/** Checks names and edges: doubles, unknown needs, cycles, and a prerequisite step that is not there. */
export function lintGraph(definition: RunbookDefinition, reporter: Reporter): StepGraph {
  const placed = placedSteps(definition)
  const ids = placed.map(({ step }) => step.id)
  const ending = new Map(placed.map((each) => [each.step.id, each.ending]))
  const edges: Edges = new Map(
    placed.map(({ step, ending: last }) => [step.id, step.needs.filter((need) => ending.get(need) === last)]),
  )
  for (const [nth, each] of placed.entries()) {
    const first = placed[ids.indexOf(each.step.id)]
    if (first !== undefined && ids.indexOf(each.step.id) !== nth)
      reporter.report(
        [...each.at, 'id'],
        'duplicate-id',
        `the step ${each.step.id} is there already, on line ${reporter.document.at([...first.at, 'id']).line}`,
        'Give it another id.',
      )
    lintNeeds(each, ending, reporter)
    lintPrerequisites(each, definition, ids, reporter)
  }
  for (const cycle of cyclesOf(edges))
    reporter.report(
      [...(placed[ids.indexOf(cycle[0] ?? '')]?.at ?? []), 'needs'],
      'cyclic-needs',
      `none of these can begin first: ${cycle.join(' needs ')}`,
      'Remove one of these needs.',
    )
  return {
    ancestors: new Map(ids.map((id) => [id, new Set(reachable(edges, id))])),
    sequence: sequenceOf(ids, edges),
  }
}

function lintNeeds(
  { step, at, ending: last }: PlacedStep,
  ending: ReadonlyMap<string, boolean>,
  reporter: Reporter,
): void {
  for (const [nth, need] of step.needs.entries()) {
    const where = [...at, 'needs', nth]
    const other = ending.get(need)
    if (other === undefined)
      reporter.report(where, 'unknown-step', `there is no step ${need}`, remedyFor(need, [...ending.keys()]))
    else if (other !== last)
      reporter.report(
        where,
        'needs-across-finally',
        last
          ? `${step.id} begins when every step outside finally has ended, whatever became of it, and cannot need ${need}`
          : `${need} is under finally and begins only when ${step.id} has ended`,
        'Remove it.',
      )
    else if (step.needs.indexOf(need) !== nth)
      reporter.report(where, 'duplicate-need', `${need} is named twice`, 'Name it once.')
  }
}

/** A part may wait for a step that only the runbooks around it have: that is seen when a plan is made. */
function lintPrerequisites(
  { step, at }: PlacedStep,
  { part }: RunbookDefinition,
  ids: readonly string[],
  reporter: Reporter,
): void {
  const { prerequisites } = step
  if (prerequisites !== undefined && part !== true && !ids.includes(prerequisites))
    reporter.report(
      [...at, 'prerequisites'],
      'unknown-step',
      `there is no step ${prerequisites} to wait for in other systems`,
      remedyFor(prerequisites, ids),
    )
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
