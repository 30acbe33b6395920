import { fieldsOf, matched, type ApprovedDifference, type Difference } from '#model/difference.ts'
import { digestOf } from '#model/digest.ts'
import { partsOf } from './parts.ts'
import type { OwnRun, Plan, PlanNode, StepSketch } from './plan.ts'

/** In a larger fleet the steps of its systems are in its plan by digest only: the plan would be twice as large. */
export const toldAtMost = 1_000

/** What of a system's plan is another one than people approved. */
export interface PartDrift {
  /** Parts of the plan that have another digest. */
  changed: ApprovedDifference[]
  /** Steps that come, go or change, field by field, and runbooks; of a larger fleet no steps. */
  differs: ApprovedDifference[]
}

/** What is kept of the steps of a fleet's system beside their digest, so that it can be told what changed. */
export function sketchesOf(nodes: readonly PlanNode[]): Record<string, StepSketch> {
  return Object.fromEntries(
    nodes.map(({ id, type, with: input, needs, ...rest }) => [
      id,
      { type, with: input, needs, rest: digestOf(rest).slice('sha256:'.length, 20) },
    ]),
  )
}

/** Compares a system's plan as it is now with what a fleet's plan holds of the approved one. Pure. */
export function partDrift(own: OwnRun, { subject }: Plan): PartDrift {
  const now = partsOf(subject)
  const changed = Object.keys(now).flatMap((name) => {
    const [before, after] = [own.parts[name] ?? null, now[name] ?? null]
    return digestOf(before) === digestOf(after) ? [] : [{ name, approved: before, now: after }]
  })
  const world = ['runbooks', 'active'].flatMap((name) => fieldsOf(own.parts[name], now[name], name))
  const steps = own.steps === undefined ? [] : stepDifferences(own.steps, sketchesOf(subject.nodes))
  return { changed, differs: [...steps, ...world.map(asPart)] }
}

/** The steps that come, go or change, field by field. */
export function stepDifferences(
  approved: Readonly<Record<string, StepSketch>>,
  now: Readonly<Record<string, StepSketch>>,
): ApprovedDifference[] {
  const { onlyA, onlyB, both } = matched(Object.entries(approved), Object.entries(now), ([id]) => id)
  return [
    ...onlyA.map(([name, { type }]) => ({ name, approved: type, now: null })),
    ...onlyB.map(([name, { type }]) => ({ name, approved: null, now: type })),
    ...both.flatMap(([[id, before], [, after]]) =>
      fieldsOf(before, after).map((field) => asPart({ ...field, name: `${id} ${field.name}` })),
    ),
  ]
}

function asPart({ name, a, b }: Difference): ApprovedDifference {
  return { name, approved: a ?? null, now: b ?? null }
}
