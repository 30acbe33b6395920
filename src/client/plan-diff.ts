import { fieldsOf, matched, type Difference } from '#model/difference.ts'
import type { Assumption, Plan, PlanNode } from '#plan/plan.ts'

/** What differs between two plans, in what their digests cover. */
export interface PlanDiff {
  same: boolean
  digests: { a: string; b: string }
  /** Mode, sites, inputs, runbooks by digest, entries of the estate by digest. */
  head: Difference[]
  systems: { onlyA: string[]; onlyB: string[] }
  /** Systems that are in both and in another wave. */
  order: Difference[]
  steps: { onlyA: string[]; onlyB: string[]; changed: { id: string; fields: Difference[] }[] }
  assumptions: { onlyA: Assumption[]; onlyB: Assumption[]; changed: Difference[] }
}

/** Compares what was, or would be, signed: not what was observed, which no signature covers. Pure. */
export function diffPlans(a: Plan, b: Plan): PlanDiff {
  const { nodes: _, assumptions: __, ...headA } = a.subject
  const { nodes: ___, assumptions: ____, ...headB } = b.subject
  const [wavesA, wavesB] = [wavesOf(a), wavesOf(b)]
  const nodes = matched(a.subject.nodes, b.subject.nodes, (node: PlanNode) => node.id)
  const assumed = matched(a.subject.assumptions, b.subject.assumptions, assumptionName)
  const waves = matched([...wavesA], [...wavesB], ([system]) => system)
  return {
    same: a.digest === b.digest,
    digests: { a: a.digest, b: b.digest },
    head: fieldsOf(headA, headB),
    systems: { onlyA: waves.onlyA.map(([id]) => id), onlyB: waves.onlyB.map(([id]) => id) },
    order: waves.both.flatMap(([[name, one], [, other]]) =>
      one === other ? [] : [{ name, a: one, b: other }],
    ),
    steps: {
      onlyA: nodes.onlyA.map(({ id }) => id),
      onlyB: nodes.onlyB.map(({ id }) => id),
      changed: nodes.both.flatMap(([one, other]) => {
        const fields = fieldsOf(one, other)
        return fields.length === 0 ? [] : [{ id: one.id, fields }]
      }),
    },
    assumptions: {
      onlyA: assumed.onlyA,
      onlyB: assumed.onlyB,
      changed: assumed.both.flatMap(([one, other]) =>
        fieldsOf(one.bound, other.bound).map((field) => ({
          ...field,
          name: `${assumptionName(one)}: ${field.name}`,
        })),
      ),
    },
  }
}

function assumptionName({ kind, subject }: Assumption): string {
  return `${kind} ${subject}`
}

/** The systems that a plan acts on, with their waves. */
function wavesOf({ subject }: Plan): Map<string, number> {
  return new Map(
    subject.nodes.flatMap(({ system, wave }) => (system === null ? [] : [[system, wave] as const])),
  )
}
