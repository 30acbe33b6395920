import { HaetaeError } from '#model/errors.ts'
import type { CompiledStep, Runbook } from '#runbook/runbook.ts'
import { fleetSchema, fleetType, manualSchema, waitSchema } from '#runbook/schema.ts'
import { resolveTree } from '#runbook/value-tree.ts'
import { durationMs, gateLimits, nodeOf } from './node.ts'
import type { Member } from './nodes.ts'
import { rootGates } from './places.ts'
import type { Gate, OwnRun, PlanNode, WaitFor } from './plan.ts'
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
  const own = new Set(members.map((member) => member.runbook))
  return runbook.steps.flatMap((step) => {
    const { definition } = step
    const node = nodeOf(step, ids.get(definition.id) ?? definition.id, null, 0, 'failover')
    node.needs = definition.needs.map((need) => ids.get(need) ?? need)
    if (node.gate !== null) {
      const { gate } = node
      return [{ ...node, gate: { ...gate, quorum: Math.max(gate.quorum, askedBy(own, gate)) } }]
    }
    const made = inputOf(step, runbook, inputs)
    if (definition.type !== fleetType) return [{ ...node, waitFor: waitOf(step, made) }]
    return fleetOf(node, members, made)
  })
}

/** How many people the systems' own runbooks ask for at a gate of their beginning: the gate of the fleet stands for it. */
function askedBy(runbooks: ReadonlySet<Runbook>, { purpose }: Gate): number {
  let most = 0
  for (const { steps } of runbooks) {
    const roots = new Set<string>()
    for (const { definition, gate } of steps) {
      if (gate === null || !definition.needs.every((need) => roots.has(need))) continue
      roots.add(definition.id)
      if ((gate.purpose === 'attestation') === (purpose === 'attestation')) most = Math.max(most, gate.quorum)
    }
  }
  return most
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
