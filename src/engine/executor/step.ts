import type { Json } from '#model/digest.ts'
import { isHaetaeError, messageOf } from '#model/errors.ts'
import { instant } from '#model/time.ts'
import type { PlanNode } from '#plan/plan.ts'
import type { AnyStepType } from '#runbook/step-type.ts'
import type { EngineEvent, Question } from '../state/events.ts'
import { waitsForUndo } from '../state/rollback-order.ts'
import {
  answerLost,
  isGivenUp,
  mayHaveActed,
  requestsEndAt,
  triesOf,
  type NodeView,
  type RunView,
} from '../state/view.ts'
import { attempt, type Round } from './attempt.ts'
import { backoff, longestPauseMs } from './backoff.ts'
import type { RunHost } from './host.ts'
import { look, toJson, type Look, type Ready } from './look.ts'
import { question, unseenQuestion } from './questions.ts'
import { verify } from './verify.ts'

const lookEveryMs = 1_000

/**
 * Brings one step to its end, or to a question. The world decides, not the journal: every round looks first, and
 * only what is seen to be absent is tried.
 */
export async function runStep(host: RunHost, node: PlanNode): Promise<void> {
  const prepared = prepare(host, node)
  if (!('type' in prepared)) {
    host.note({ kind: 'asked', node: node.id, question: prepared })
    return
  }
  let ready = prepared
  for (let unseen = 0, held = false; ;) {
    await lateRequestsOver(host, ready)
    // What may have happened is looked at in a pause too; nothing is tried.
    let stood = await untilTakenBack(host, node)
    if ((held || host.go(node.id).state === 'waiting') && (await host.untilResumed())) stood = true
    if (stood) ready = { ...ready, begun: host.parts.monotonic() }
    const giveBack = await host.parts.slots.take(node.wave, host.signal)
    let ended: Round
    try {
      ended = await round(host, ready, host.go(node.id), unseen)
    } finally {
      giveBack()
    }
    if (ended === 'over') return
    unseen = ended === 'unseen' ? unseen + 1 : 0
    held = ended === 'held'
    await untilRetry(host, node)
  }
}

/** Type and resolved input of a node, or the question why there are none. */
function prepare(host: RunHost, node: PlanNode): Ready | Question {
  const type = host.parts.stepTypes.get(node.type)
  const view = host.go(node.id)
  if (type === undefined || type.version !== node.typeVersion) {
    const here = type === undefined ? 'none' : type.version
    return question('definition', view, { type: node.type, planned: node.typeVersion, here })
  }
  try {
    const input: unknown = type.input.parse(host.parts.resolve(node, host.outputs()))
    return { node, type, input, key: `${host.view.id}/${node.id}`, begun: host.parts.monotonic() }
  } catch (error) {
    const why = isHaetaeError(error) ? error.why : undefined
    return question('definition', view, { input: messageOf(error), ...(why === undefined ? {} : { why }) })
  }
}

/** One look and what follows from it. */
async function round(host: RunHost, ready: Ready, view: NodeView, unseen: number): Promise<Round> {
  if (view.applied !== null) return verify(host, ready, view.applied)
  const seen = await look(host, ready)
  host.go(ready.node.id)
  const next = conclude(host, ready, view, seen, unseen)
  if (next.kind === 'try') return host.view.paused === null ? attempt(host, ready, view, next.seen) : 'held'
  host.note(next)
  return next.kind === 'not-seen' ? 'unseen' : 'over'
}

/** What a look means for a node: the event to write, or that the step is to be tried. Pure but for the clock. */
function conclude(
  host: RunHost,
  ready: Ready,
  view: NodeView,
  seen: Look,
  unseen: number,
): EngineEvent | { kind: 'try'; seen: unknown } {
  const { node, type } = ready
  const id = node.id
  if (seen.kind === 'holds') {
    if (type.effect === 'read') return { kind: 'succeeded', node: id, output: seen.output }
    return { kind: 'adopted', node: id, output: seen.output, afterAttempt: view.attempts.length > 0 }
  }
  // A cancel leaves open what cannot be told; a roll back has to know it, and asks.
  if (isGivenUp(host.view, node) && (host.view.canceling !== null || seen.kind === 'absent')) {
    const left = seen.kind === 'absent' && !mayStillLand(type, view) ? 'absent' : 'unknown'
    return { kind: 'node-canceled', node: id, left, why: whyGivenUp(host.view) }
  }
  const over = timeOver(host, ready, view)
  const ask = (q: Question): EngineEvent =>
    type.optional === true
      ? { kind: 'node-skipped', node: id, failure: view.failure ?? { kind: 'error', message: q.text } }
      : { kind: 'asked', node: id, question: q }
  if (seen.kind === 'unclear') {
    const changed = type.changedSince?.(ready.input, seen.seen) ?? []
    if (changed.length > 0) return ask(question('changed', view, { changed }))
    return ask(question('unclear', view, { observed: seen.seen }))
  }
  if (seen.kind === 'unseen') {
    const silent = seen.failure.kind === 'unreachable' || seen.failure.kind === 'deadline'
    if (over && silent && node.onUnreachable === 'skip' && !mayHaveActed(view))
      return { kind: 'node-skipped', node: id, failure: seen.failure }
    if (over || (silent && node.onUnreachable === 'ask')) return ask(unseenQuestion(seen.failure, view))
    const retryAt = instant(host.parts.clock.now() + backoff(node.limits, unseen + 1))
    return { kind: 'not-seen', node: id, failure: seen.failure, retryAt }
  }
  if (type.effect !== 'read' && type.precondition.kind === 'unfenced' && mayStillLand(type, view)) {
    return ask(question('unfenced', view, { observed: seen.seen, why: type.precondition.why }))
  }
  const tries = triesOf(view)
  if (over || tries > node.limits.retryMax || (tries > 0 && isFinal(node, view))) {
    return ask(question('exhausted', view, { observed: seen.seen }))
  }
  return { kind: 'try', seen: seen.seen }
}

/** A lost request whose target takes it however late it comes. */
function mayStillLand({ effect, precondition }: AnyStepType, view: NodeView): boolean {
  return (
    effect !== 'read' &&
    precondition.kind === 'unfenced' &&
    answerLost(view) &&
    view.attempts.length > view.harmless
  )
}

function whyGivenUp({ takenOver, canceling }: RunView): string {
  if (takenOver !== null) return 'the run was taken over'
  return canceling === null ? 'the run is rolled back' : 'the run was canceled'
}

/** The last try failed in a way that the plan does not try again. */
function isFinal({ limits: { retryOn } }: PlanNode, view: NodeView): boolean {
  const kind = view.attempts.at(-1)?.failure?.kind
  return kind !== undefined && kind !== 'stopped' && retryOn?.includes(kind) === false
}

/** Whether the step's time is over, by the wall or, where that was set back, by what this process has seen pass. */
function timeOver(host: RunHost, { node, begun }: Ready, view: NodeView): boolean {
  const { clock, monotonic } = host.parts
  const { since } = view.budget
  if (monotonic() >= begun + node.limits.totalMs) return true
  return since !== null && clock.now() >= Date.parse(since) + node.limits.totalMs
}

/**
 * Waits out a lost attempt whose request may still land: one that the target cannot refuse, and any of a run that is
 * being ended, because what is seen then is the last word on it.
 */
async function lateRequestsOver(host: RunHost, { node, type }: Ready): Promise<void> {
  const last = host.go(node.id).attempts.at(-1)
  if (type.effect === 'read' || last?.outcome !== 'unknown') return
  if (type.precondition.kind === 'checked' && !isGivenUp(host.view, node)) return
  const { attemptMs } = node.limits
  await until(host, node, requestsEndAt(last, node), 2 * attemptMs, () => false)
}

/** A step at the end that had not begun comes behind what a roll back takes back. True when it waited for that. */
async function untilTakenBack(host: RunHost, node: PlanNode): Promise<boolean> {
  const waits = waitsForUndo(host.view, node)
  while (waitsForUndo(host.view, node)) {
    await host.pause(lookEveryMs)
    host.go(node.id)
  }
  return waits
}

async function untilRetry(host: RunHost, node: PlanNode): Promise<void> {
  const { retryAt } = host.go(node.id)
  if (retryAt !== null) await until(host, node, Date.parse(retryAt), longestPauseMs)
}

/** Waits until an instant, but never longer than `mostMs`: the clock on the wall may be set back meanwhile. */
async function until(
  host: RunHost,
  node: PlanNode,
  at: number,
  mostMs: number,
  isOver: () => boolean = () => isGivenUp(host.view, node),
): Promise<void> {
  const { clock, monotonic } = host.parts
  const end = monotonic() + Math.min(mostMs, at - clock.now())
  while (monotonic() < end && !isOver()) {
    await host.pause(end - monotonic())
    host.go(node.id)
  }
}

/** The output of a step that a person vouches for: what can be told from looking, or null. */
export async function adoptedOutput(host: RunHost, id: string): Promise<Json> {
  const node = host.planNode(id)
  const ready = node.gate !== null ? undefined : prepare(host, node)
  if (ready === undefined || !('type' in ready)) return null
  const seen = await look(host, ready)
  if (seen.kind === 'holds') return seen.output
  if (seen.kind === 'unseen') return null
  try {
    return toJson(ready.type.output.parse(ready.type.adopt(ready.input, seen.seen)))
  } catch {
    return null
  }
}
