import type { Json } from '#model/digest.ts'
import { isHaetaeError, messageOf } from '#model/errors.ts'
import type { PlanNode } from '#plan/plan.ts'
import { PreconditionRefused, Unreachable, type AnyStepType, type LastTry } from '#runbook/step-type.ts'
import type { Failure } from '../state/events.ts'
import { bounded, type Bounded } from './bounded.ts'
import type { NodeView } from '../state/view.ts'
import type { RunHost } from './host.ts'
import { Stopped } from './stopped.ts'

/** What looking at the world gave. `seen` is what `observe` returned; `output` stands for a step that holds already. */
export type Look =
  | { kind: 'holds'; output: Json }
  | { kind: 'absent' | 'unclear'; seen: unknown }
  | { kind: 'unseen'; failure: Failure }

/** A step ready to be looked at and tried: its type, and its input with every expression resolved. */
export interface Ready {
  readonly node: PlanNode
  readonly type: AnyStepType
  readonly input: unknown
  /** The same for every attempt of the node. */
  readonly key: string
  /** When this process began with it, on its monotonic clock. */
  readonly begun: number
}

/** Observes and judges, within the node's deadline of an attempt. Throws Stopped. */
export async function look(host: RunHost, { node, type, input, key }: Ready): Promise<Look> {
  const { clock, contexts } = host.parts
  const runId = host.view.id
  const lastTry = lastTryOf(host.view.nodes.get(node.id))
  const seen = await bounded(clock, node.limits.attemptMs, host.signal, (signal) =>
    type.observe({ readers: contexts.readers(node, runId), clock, signal, runId, key, lastTry }, input),
  )
  if (seen.kind !== 'value') return { kind: 'unseen', failure: failureOf(seen) }
  try {
    const judgement = type.judge(input, seen.value)
    if (judgement !== 'holds') return { kind: judgement, seen: seen.value }
    return { kind: 'holds', output: toJson(type.output.parse(type.adopt(input, seen.value))) }
  } catch (error) {
    return { kind: 'unseen', failure: { kind: 'error', message: messageOf(error) } }
  }
}

/** What a person decided about counts no more: they may have said `retry` knowing that an answer was lost. */
export function lastTryOf(view: NodeView | undefined): LastTry {
  const ended = view?.attempts.slice(view.budget.attempts).filter(({ outcome }) => outcome !== 'open')
  const outcome = ended?.at(-1)?.outcome
  if (outcome === 'applied') return 'done'
  return outcome === 'unknown' ? 'lost' : 'none'
}

/** What went wrong, in the journal's words. Throws Stopped where nothing went wrong but the engine stops. */
export function failureOf(result: Exclude<Bounded<unknown>, { kind: 'value' }>): Failure {
  if (result.kind === 'stopped') throw new Stopped('stopped')
  if (result.kind === 'deadline') return { kind: 'deadline', message: 'no answer within the deadline' }
  const { error } = result
  if (error instanceof Unreachable) return { kind: 'unreachable', message: messageOf(error) }
  if (error instanceof PreconditionRefused) return { kind: 'refused', message: messageOf(error) }
  return { kind: 'error', message: messageOf(error) + reasonOf(error) }
}

function reasonOf(error: unknown): string {
  return isHaetaeError(error) && error.why !== undefined ? `: ${error.why}` : ''
}

/** A value as the journal holds it. */
export function toJson(value: unknown): Json {
  return value === undefined ? null : (JSON.parse(JSON.stringify(value)) as Json)
}
