import { digestOf } from '#model/digest.ts'
import { isHaetaeError, messageOf, type HaetaeError } from '#model/errors.ts'
import type { OwnRun, Plan, PlanNode } from '#plan/plan.ts'
import { assertRunnable } from '../accept.ts'
import type { RunRow } from '../journal/journal.ts'
import type { Question } from '../state/events.ts'
import { childRunId, passOn, standing } from '../state/fleet.ts'
import { isGivenUp, type RunView } from '../state/view.ts'
import { backoff } from './backoff.ts'
import { bounded } from './bounded.ts'
import { driftFacts } from './drift-facts.ts'
import type { RunHost } from './host.ts'
import { question } from './questions.ts'
import { Stopped } from './stopped.ts'

const followEveryMs = 500
const planWithinMs = 150_000
const pause = { retryBaseMs: 500 }

/**
 * A system of a fleet: a run of its own, planned again when its turn comes. What is not as it was approved holds this
 * system back and asks a person. An intent stands in the journal before the run is created, so that none is forgotten.
 */
export async function passOwnRun(host: RunHost, node: PlanNode, own: OwnRun): Promise<void> {
  const id = childRunId(host.view.id, node.system)
  // Looked at under this process's own term: no run of an earlier one can come any more.
  const begun = host.go(node.id).state !== 'waiting' && (await told(host, node, () => find(host, id)))
  if (begun) return follow(host, node, id)
  if (isGivenUp(host.view, node)) return leaveOut(host, node)
  if (!(await haveTurn(host, node))) return
  const made = await madeAgain(host, node, own)
  if ('question' in made) return holdBack(host, node, made.question)
  if (host.go(node.id).state === 'waiting') await intend(host, node, id, made.plan)
  await host.untilResumed()
  host.go(node.id)
  if (isGivenUp(host.view, node)) return leaveOut(host, node)
  const refused = await create(host, node, id, made.plan)
  if (refused !== undefined) return holdBack(host, node, refused)
  return follow(host, node, id)
}

/** Waits for the system's turn. False when too many others failed: then it never comes. */
async function haveTurn(host: RunHost, node: PlanNode): Promise<boolean> {
  if (host.go(node.id).state !== 'waiting' || node.group === undefined) return true
  for (;;) {
    const turn = await host.fleet(node.group).turn(node.id)
    host.go(node.id)
    if (await host.untilResumed()) continue
    if (turn === 'begin') return true
    if (turn === 'again') continue
    const why = 'too many others of the fleet failed'
    host.note({ kind: 'node-canceled', node: node.id, left: 'untouched', why })
    return false
  }
}

type Made = { plan: Plan } | { question: Question }

/** The plan as it is now, if it is the one that was approved or a person said to take it; else what a person is asked. */
async function madeAgain(host: RunHost, node: PlanNode, own: OwnRun): Promise<Made> {
  const { replanned } = host.go(node.id)
  const { plan: fleet } = host.view
  const ownGates = replanned
  const planned = await told(host, node, async (signal) => {
    try {
      return await host.parts.children.plan({ fleet, node, ownGates, signal })
    } catch (error) {
      if (isHaetaeError(error) && error.code !== 'work-failed') return error
      throw error
    }
  })
  const view = host.go(node.id)
  if (isHaetaeError(planned)) return { question: question('held', view, factsOf(planned)) }
  if (replanned || planned.digest === own.digest) return { plan: planned }
  return { question: question('drift', view, driftFacts(own, planned)) }
}

async function intend(host: RunHost, node: PlanNode, id: string, { digest }: Plan): Promise<void> {
  const attempt = host.go(node.id).attempts.length + 1
  await host.durable({ kind: 'intended', node: node.id, attempt, input: digest, key: id, epoch: null })
}

/** Creates the run; returns what a person is asked when the system is held by another one. */
async function create(host: RunHost, node: PlanNode, id: string, plan: Plan): Promise<Question | undefined> {
  const { requester, reason } = host.view
  host.assertHeld()
  const systems = node.system === null ? [] : [node.system]
  const failed = await told(host, node, async () => {
    try {
      assertRunnable(plan, host.parts.stepTypes)
      await host.parts.children.create({ id, plan, requester, reason, systems, parent: host.term })
      return undefined
    } catch (error) {
      if (isHaetaeError(error)) return error
      throw error
    }
  })
  return failed === undefined ? undefined : question('held', host.go(node.id), factsOf(failed))
}

function factsOf({ code, message, why, facts }: HaetaeError) {
  return { code, message, ...(why === undefined ? {} : { why }), ...facts }
}

/** Ends a system whose run was meant and not created, because the fleet is being ended. */
function leaveOut(host: RunHost, node: PlanNode): void {
  const attempt = host.go(node.id).attempts.length
  const why = 'the run is being ended'
  host.note(
    {
      kind: 'attempt-failed',
      node: node.id,
      attempt,
      failure: { kind: 'stopped', message: why },
      retryAt: null,
    },
    { kind: 'node-canceled', node: node.id, left: 'absent', why },
  )
}

function holdBack(host: RunHost, node: PlanNode, asked: Question): void {
  const view = host.go(node.id)
  const event = { kind: 'asked' as const, node: node.id, question: asked }
  if (view.state !== 'running') return host.note(event)
  const failure = { kind: 'refused' as const, message: 'the run was not created' }
  const attempt = view.attempts.length
  host.note({ kind: 'attempt-failed', node: node.id, attempt, failure, retryAt: null }, event)
}

/** Waits for the run's end. What people ask of the fleet is asked of it too. */
async function follow(host: RunHost, node: PlanNode, id: string): Promise<void> {
  const looked: Looked = { seq: 0, stands: '', taken: [] }
  for (;;) {
    const row = await childOf(host, node, id)
    const { state } = row ?? {}
    if (state === 'succeeded') return host.note({ kind: 'succeeded', node: node.id, output: { run: id } })
    if (state === 'failed' || state === 'canceled' || state === 'rolled-back')
      return host.note({ kind: 'child-ended', node: node.id, run: id, outcome: state })
    if (row !== undefined) await told(host, node, () => relay(host, node, row, looked))
    await host.pause(followEveryMs)
  }
}

/** How far the journal of a part was read, and what stood for its fleet then. */
interface Looked {
  seq: number
  stands: string
  /** What ends a part, and had begun to: it does not come back from that. */
  taken: readonly string[]
}

/**
 * Asks of a part what stands for its fleet, where the part's journal does not show it. That journal is read only when it
 * may be otherwise than its fleet, and has something new.
 */
async function relay(
  host: RunHost,
  node: PlanNode,
  { id, state, lastSeq }: RunRow,
  looked: Looked,
): Promise<void> {
  const verbs = standing(host.view).map(({ command }) => command.verb)
  const open = verbs.filter((verb) => verb !== 'resume' && !looked.taken.includes(verb))
  if (open.length === 0 && state !== 'paused' && host.go(node.id).pausedAlone === null) return
  const stands = verbs.join()
  if (looked.stands === stands && looked.seq >= lastSeq) return
  const { children, stepTypes } = host.parts
  const part = await children.view(id)
  const said = passOn(host.view, part, stepTypes)
  if (said !== undefined) await children.passOn(id, said.command, said.by, host.term)
  notePause(host, node, part)
  const taken =
    part.canceling !== null ? ['cancel', 'rollback'] : part.rollingBack !== null ? ['rollback'] : []
  Object.assign(looked, { stands, seq: part.seq, taken })
}

/** Whoever looks at the fleet sees which part does not go on with it. */
function notePause(host: RunHost, node: PlanNode, part: RunView): void {
  const own = part.paused?.own ?? null
  const paused = own === null ? null : { by: own.by, reason: own.reason }
  if (digestOf(paused) === digestOf(host.go(node.id).pausedAlone)) return
  host.note({ kind: 'child-paused', node: node.id, run: part.id, paused })
}

async function find(host: RunHost, id: string): Promise<boolean> {
  return (await host.parts.children.find(id)) !== undefined
}

async function childOf(host: RunHost, node: PlanNode, id: string): Promise<RunRow | undefined> {
  return told(host, node, async () => (await host.parts.children.of(host.view.id)).get(id))
}

/** What the journal or the planner answers; asked again for as long as it cannot be told. Throws Stopped. */
async function told<T>(host: RunHost, node: PlanNode, ask: (signal: AbortSignal) => Promise<T>): Promise<T> {
  for (let failures = 1; ; failures++) {
    const answer = await bounded(host.parts.clock, planWithinMs, host.signal, ask)
    host.go(node.id)
    if (answer.kind === 'value') return answer.value
    if (answer.kind === 'stopped') throw new Stopped('stopped')
    const why = answer.kind === 'error' ? messageOf(answer.error) : answer.kind
    host.parts.log.warn({ run: host.view.id, node: node.id, why }, 'cannot be told now; asking again')
    await host.pause(backoff(pause, failures))
  }
}
