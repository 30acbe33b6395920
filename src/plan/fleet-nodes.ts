import { HaetaeError } from '#model/errors.ts'
import type { CompiledStep, Runbook } from '#runbook/runbook.ts'
import { fleetSchema, fleetType, manualSchema, waitSchema } from '#runbook/schema.ts'
import { resolveTree } from '#runbook/value-tree.ts'
import { durationMs, gateLimits, nodeOf } from './node.ts'
import type { Member } from './nodes.ts'
import { rootGates } from './places.ts'
import type { OwnRun, PlanNode, WaitFor } from './plan.ts'
import { expressionMistake } from './step-input.ts'

/** A system of a fleet with the run that it becomes. */
export type FleetMember = Member & { own: OwnRun }

/** The nodes of a runbook of a fleet. Throws `plan-impossible` when a value cannot be made. */
export function fleetNodes(
  runbook: Runbook,
  members: readonly FleetMember[],
  inputs: Record<string, unknown>,
): PlanNode[] {
  const ids = new Map<string, string>()
  for (const step of runbook.steps) ids.set(step.definition.id, idOf(step, new Set(ids.values())))
  return runbook.steps.flatMap((step) => {
    const { definition } = step
    const node = nodeOf(step, ids.get(definition.id) ?? definition.id, null, 0, 'failover')
    node.needs = definition.needs.map((need) => ids.get(need) ?? need)
    if (step.gate !== null) return [node]
    const made = inputOf(step, runbook, inputs)
    if (definition.type !== fleetType) return [{ ...node, waitFor: waitOf(step, made) }]
    return fleetOf(node, members, made)
  })
}

/** The first gate of a kind has the name that every plan has for it. */
function idOf({ definition, gate }: CompiledStep, taken: ReadonlySet<string>): string {
  if (gate === null) return definition.id
  const usual = gate.purpose === 'attestation' ? rootGates.attestation : rootGates.approval
  return taken.has(usual) ? definition.id : usual
}

function inputOf({ definition, input }: CompiledStep, { scope }: Runbook, inputs: Record<string, unknown>) {
  try {
    return resolveTree(input, { values: { inputs }, bound: scope.bind({ inputs }) })
  } catch (error) {
    throw new HaetaeError('plan-impossible', definition.id, { why: expressionMistake(error) })
  }
}

function waitOf({ definition: { type } }: CompiledStep, made: unknown): WaitFor {
  return type === 'manual'
    ? { kind: 'person', ...manualSchema.parse(made) }
    : { kind: 'time', ms: durationMs(waitSchema.parse(made).for) }
}

/** A node for each system in the order of recovery, and the one at which they have all ended. */
function fleetOf(step: PlanNode, members: readonly FleetMember[], made: unknown): PlanNode[] {
  const read = fleetSchema.safeParse(made)
  if (!read.success)
    throw new HaetaeError('plan-impossible', step.id, {
      why: read.error.issues.map(({ path, message }) => `with.${path.join('.')}: ${message}`).join('\n'),
    })
  const { maxFailures, maxParallel, ramp } = read.data
  const runs = members.map(({ system: { id }, runbook, wave, own }): PlanNode => {
    const { title, name } = runbook.definition.metadata
    return {
      id,
      system: id,
      title: { ko: `${id}: ${title.ko}`, en: `${id}: ${title.en}` },
      type: 'run',
      typeVersion: 0,
      with: { runbook: name, digest: own.digest },
      gate: null,
      needs: step.needs,
      group: step.id,
      waitFor: own,
      limits: gateLimits,
      verify: null,
      wave,
    }
  })
  const join: PlanNode = {
    ...step,
    after: runs.map(({ id }) => id),
    waitFor: {
      kind: 'fleet',
      maxFailures,
      ...(maxParallel === undefined ? {} : { maxParallel }),
      ...(ramp === undefined ? {} : { ramp: ramp.split('-').map(Number) }),
    },
  }
  return [...runs, join]
}
