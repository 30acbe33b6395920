import { digestOf, type Json } from '#model/digest.ts'
import { messageOf } from '#model/errors.ts'
import { instant, type Instant } from '#model/time.ts'
import { actsUnderAuthority, PartlyDone, Unreachable, type StepCall } from '#runbook/step-type.ts'
import type { EngineEvent, Failure, NodeEvent } from '../state/events.ts'
import { waitsForUndo } from '../state/rollback-order.ts'
import { acted, answerLost, isGivenUp, triesOf, type NodeView } from '../state/view.ts'
import { backoff } from './backoff.ts'
import { bounded, type Bounded } from './bounded.ts'
import type { RunHost } from './host.ts'
import { failureOf, lastTryOf, toJson, type Ready } from './look.ts'
import { mayPass } from './point-of-no-return.ts'
import { question } from './questions.ts'
import { Stopped } from './stopped.ts'

/**
 * How a round on a node ended: nothing more for now, look again, look again because nothing could be seen, or once the
 * run is resumed or what comes before it in a roll back is over.
 */
export type Round = 'over' | 'again' | 'unseen' | 'held'

/** One try: intent durable, assumptions proven where there is no way back, term certain, effect, outcome. */
export async function attempt(host: RunHost, ready: Ready, view: NodeView, seen: unknown): Promise<Round> {
  const { node, type, input, key } = ready
  const number = view.attempts.length + 1
  const again = answerLost(view)
  const epoch = actsUnderAuthority(type, input) ? await epochOf(host, node.system) : null
  host.go(node.id)
  if (waitsForUndo(host.view, node)) return 'held'
  if (epoch === 'none') {
    host.note(noAuthority(view))
    return 'over'
  }
  const { monotonic } = host.parts
  const undo = undoOf(host, ready, view, seen)
  // Whoever looks at what it did counts from the journal: time that the journal took to answer is none of the effect's.
  let until: number | undefined = monotonic() + node.limits.attemptMs
  const about = { node: node.id, attempt: number, input: digestOf(input), key, epoch }
  await host.durable({ kind: 'intended', ...about, ...(undo === null ? {} : { undo }) })
  if (type.effect === 'point-of-no-return') until = await mayPass(host, ready, view, again)
  if (until === undefined) return view.state === 'needs-person' ? 'over' : 'again'
  // Writing the intent and proving the assumptions took time.
  if (epoch !== null && (await epochOf(host, node.system)) !== epoch) {
    host.note(notBegun(view, 'refused', 'the epoch is held no more'), noAuthority(view))
    return 'over'
  }
  const stop = host.view.paused !== null ? 'paused' : isGivenUp(host.view, node) ? 'ended' : undefined
  if (stop !== undefined) {
    host.note(notBegun(view, 'stopped', `the run was ${stop}`))
    return 'again'
  }
  const withinMs = Math.min(timeLeft(host, ready, view), until - monotonic())
  if (withinMs <= 0) {
    host.note(notBegun(view, 'deadline', 'its time was over before it could begin'))
    return 'again'
  }
  host.assertHeld()
  return effect(host, ready, view, seen, epoch, withinMs)
}

/** How the effect is taken back: to what was seen before the first try that may have done something. */
function undoOf(host: RunHost, { node, type, input }: Ready, view: NodeView, seen: unknown): StepCall | null {
  if (acted(view)) return view.undo
  if (type.effect === 'read' || 'undoes' in node) return null
  try {
    const call = type.invert(input, seen)
    return call === 'none' ? null : { type: call.type, with: toJson(call.with) as StepCall['with'] }
  } catch (error) {
    host.parts.log.warn(
      { run: host.view.id, node: node.id, why: messageOf(error) },
      'cannot tell how it is taken back',
    )
    return null
  }
}

function noAuthority(view: NodeView): EngineEvent {
  return { kind: 'asked', node: view.id, question: question('no-authority', view) }
}

/** Between the intent and the effect something came that forbids it. */
function notBegun({ id, attempts }: NodeView, kind: Failure['kind'], why: string): EngineEvent {
  const failure: Failure = { kind, message: `${why}, nothing was changed` }
  return { kind: 'attempt-failed', node: id, attempt: attempts.length, failure, retryAt: null }
}

async function effect(
  host: RunHost,
  ready: Ready,
  view: NodeView,
  seen: unknown,
  epoch: number | null,
  withinMs: number,
): Promise<Round> {
  const { node, type, input, key } = ready
  const { clock, contexts, metrics } = host.parts
  const began = clock.now()
  const runId = host.view.id
  // A read is let go at a cancel; an effect that is under way is waited for, so that it can be told where it was left.
  const outer = type.effect === 'read' && node.finally !== true ? host.cancelSignal : host.signal
  const result = await bounded(clock, withinMs, outer, async (signal) => {
    const ctx = {
      readers: contexts.readers(node, runId),
      writers: contexts.writers(node, runId),
      clock,
      signal,
      runId,
      key,
      lastTry: lastTryOf(view),
      nodeId: node.id,
      epoch: epoch ?? undefined,
      progress: (message: string) => {
        if (!signal.aborted && view.state === 'running')
          host.note({ kind: 'progress', node: node.id, message })
      },
    }
    return toJson(type.output.parse(await type.apply(ctx, input, seen)))
  })
  if (host.signal.aborted && result.kind === 'stopped') throw new Stopped('stopped')
  const outcome = outcomeOf(host, ready, view, result)
  metrics.attemptEnded(node.type, outcomeNames[outcome.kind], (clock.now() - began) / 1000)
  if (outcome.kind !== 'applied' || node.verify !== null) {
    host.note(outcome)
    return 'again'
  }
  host.note(outcome, { kind: 'succeeded', node: node.id, output: outcome.output })
  return 'over'
}

const outcomeNames = { applied: 'applied', 'attempt-failed': 'failed', 'attempt-unknown': 'unknown' } as const

type Outcome = Extract<NodeEvent, { kind: 'applied' | 'attempt-failed' | 'attempt-unknown' }>

function outcomeOf(host: RunHost, ready: Ready, view: NodeView, result: Bounded<Json>): Outcome {
  const { node, type } = ready
  const about = { node: node.id, attempt: view.attempts.length }
  if (result.kind === 'value') return { kind: 'applied', ...about, output: result.value }
  const lost =
    result.kind !== 'error' || result.error instanceof Unreachable || result.error instanceof PartlyDone
  const failure: Failure =
    result.kind === 'stopped' ? { kind: 'stopped', message: 'the run was canceled' } : failureOf(result)
  if (!lost || type.effect === 'read') return failed(host, ready, view, failure)
  const partly = result.kind === 'error' && result.error instanceof PartlyDone
  return {
    kind: 'attempt-unknown',
    ...about,
    failure,
    ...(partly ? { retryAt: retryAt(host, ready, view) } : {}),
  }
}

function failed(host: RunHost, ready: Ready, view: NodeView, failure: Failure): Outcome {
  const about = { node: view.id, attempt: view.attempts.length }
  return { kind: 'attempt-failed', ...about, failure, retryAt: retryAt(host, ready, view) }
}

function retryAt(host: RunHost, { node }: Ready, view: NodeView): Instant {
  return instant(host.parts.clock.now() + backoff(node.limits, triesOf(view)))
}

/** Milliseconds that an attempt may take: its own deadline, or what is left of the step's. */
function timeLeft(host: RunHost, { node }: Ready, view: NodeView): number {
  const { attemptMs, totalMs } = node.limits
  const since = view.budget.since === null ? host.parts.clock.now() : Date.parse(view.budget.since)
  return Math.max(1, Math.min(attemptMs, since + totalMs - host.parts.clock.now()))
}

/** The epoch that the run may act under for a system; `none` when there is none. */
async function epochOf(host: RunHost, system: string | null): Promise<number | 'none'> {
  if (system === null) return 'none'
  return (await host.parts.authority.epochOf(host.view.id, system, host.view.plan)) ?? 'none'
}
