import { parseDuration } from '#model/time.ts'
import type { CompiledStep } from '#runbook/runbook.ts'
import { gateType, type StepDefinition } from '#runbook/schema.ts'
import { rootGates } from './places.ts'
import type { NodeLimits, PlanMode, PlanNode } from './plan.ts'

const dayMs = 86_400_000
/** People take as long as they take; how long a signature counts is policy. */
export const gateLimits: NodeLimits = { attemptMs: dayMs, totalMs: dayMs, retryMax: 0, retryBaseMs: 1000 }
/** For a step that only reads and says nothing itself. */
const defaults = { timeout: { attempt: '10s', total: '5m' }, retry: { max: 3, pause: '1s', on: undefined } }

/** A node of a step, with neither needs nor input yet. */
export function nodeOf(
  step: CompiledStep,
  id: string,
  system: string | null,
  wave: number,
  mode: PlanMode,
): PlanNode {
  const { definition, gate, typeVersion } = step
  const { verify } = definition
  const onUnreachable = definition.onUnreachable?.[mode]
  return {
    id,
    system,
    title: definition.title,
    type: gate === null ? definition.type : gateType,
    typeVersion,
    with: {},
    gate:
      gate === null
        ? null
        : { quorum: gate.quorum, purpose: gate.purpose === 'attestation' ? gate.purpose : mode },
    needs: [],
    limits: typeVersion === 0 ? gateLimits : limitsOf(definition),
    verify:
      verify === undefined
        ? null
        : { withinMs: durationMs(verify.within), everyMs: durationMs(verify.every) },
    wave,
    ...(onUnreachable === undefined ? {} : { onUnreachable }),
  }
}

/** The approval of a whole plan that policy asks for; a runbook's own is shared with it. */
export function policyGate(mode: PlanMode): PlanNode {
  return {
    id: rootGates.approval,
    system: null,
    title: { ko: '승인 (정책에 따름)', en: 'Approve, as policy asks' },
    type: gateType,
    typeVersion: 0,
    with: {},
    gate: { purpose: mode, quorum: 2 },
    needs: [],
    limits: gateLimits,
    verify: null,
    wave: 0,
  }
}

/** The node at which several others have ended: it bears the name of the step that they were made of. */
export function joinNode(
  definition: StepDefinition,
  id: string,
  system: string,
  wave: number,
  type: 'foreach' | 'runbook',
  maxFailures = 0,
): PlanNode {
  return {
    id,
    system,
    title: definition.title,
    type,
    typeVersion: 0,
    with: {},
    gate: null,
    needs: [],
    waitFor: { kind: 'steps', maxFailures },
    limits: gateLimits,
    verify: null,
    wave,
  }
}

function limitsOf({ timeout = defaults.timeout, retry = defaults.retry }: StepDefinition): NodeLimits {
  return {
    attemptMs: durationMs(timeout.attempt),
    totalMs: durationMs(timeout.total),
    retryMax: retry.max,
    retryBaseMs: durationMs(retry.pause),
    ...(retry.on === undefined ? {} : { retryOn: [...retry.on] }),
  }
}

/** Milliseconds of a duration that was checked already. */
export function durationMs(duration: string): number {
  return parseDuration(duration) ?? 0
}
