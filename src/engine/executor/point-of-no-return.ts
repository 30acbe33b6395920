import { instant } from '#model/time.ts'
import type { Assumptions } from '../ports.ts'
import type { Failure } from '../state/events.ts'
import { isGivenUp, triesOf, type NodeView } from '../state/view.ts'
import { backoff } from './backoff.ts'
import { bounded } from './bounded.ts'
import type { RunHost } from './host.ts'
import { failureOf, type Ready } from './look.ts'
import { assumptionQuestion } from './questions.ts'

type Moment = Parameters<Assumptions['broken']>[0]['moment']

/**
 * Until when, on the monotonic clock, an effect may go on that nothing takes back; undefined when none may follow, and
 * writes why not. The plan's assumptions are proven, which takes time. So the journal confirms after it that the run is
 * still held and tells what people asked meanwhile, and nobody's signature may have been voided since.
 */
export async function mayPass(
  host: RunHost,
  ready: Ready,
  view: NodeView,
  again: boolean,
): Promise<number | undefined> {
  const { node } = ready
  if (!(await holds(host, ready, view, again, 'point-of-no-return'))) return undefined
  // As `requestsEndAt` counts it, for whoever takes the run over.
  const until = host.parts.monotonic() + 2 * node.limits.attemptMs
  await host.confirmed({ kind: 'proven', node: node.id, attempt: view.attempts.length })
  // Whoever asked says by that why nothing is done: no signature is needed for nothing.
  if (host.view.paused !== null || isGivenUp(host.view, node)) return until
  return (await holds(host, ready, view, again, 'effect')) ? until : undefined
}

async function holds(
  host: RunHost,
  { node }: Ready,
  view: NodeView,
  again: boolean,
  moment: Moment,
): Promise<boolean> {
  const { clock, assumptions } = host.parts
  const { id: runId, plan } = host.view
  const proof = await bounded(clock, node.limits.attemptMs, host.signal, (signal) =>
    assumptions.broken({ runId, plan, moment, node, again, signal }),
  )
  const about = { node: node.id, attempt: view.attempts.length }
  if (proof.kind !== 'value') {
    const retryAt = instant(clock.now() + backoff(node.limits, triesOf(view)))
    host.note({ kind: 'attempt-failed', ...about, failure: failureOf(proof), retryAt })
    return false
  }
  const [first] = proof.value
  if (first === undefined) return true
  const message = `assumption broken, nothing was changed: ${first.why}`
  const failure: Failure = { kind: 'refused', message }
  host.note(
    { kind: 'attempt-failed', ...about, failure, retryAt: null },
    { kind: 'asked', node: node.id, question: assumptionQuestion(proof.value, view) },
  )
  return false
}
