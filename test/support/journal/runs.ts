import type { EngineEvent } from '#engine/state/events.ts'
import type { Holder, Journal, Term } from '#engine/journal/journal.ts'
import { isHaetaeError } from '#model/errors.ts'
import type { PlanMode } from '#plan/plan.ts'
import { gate, node, planOf } from '../../sim/world/plans.ts'

/** Gives an empty journal. */
export type Open = () => Journal

export const mine: Holder = { daemon: 'gwangju', incarnation: 'gwangju/1' }
export const restarted: Holder = { daemon: 'gwangju', incarnation: 'gwangju/2' }
export const other: Holder = { daemon: 'gwangju-2', incarnation: 'gwangju-2/1' }
export const longMs = 60_000
export const briefMs = 50

/** No plan of a drill is made yet; the rule that it gives way stands already. */
export function newRun(id: string, systems: string[], mode: 'failover' | 'drill' = 'failover') {
  const made = planOf([
    gate('approve'),
    ...systems.map((system) => node(`${system}/promote`, 'sim.promote', ['approve'])),
  ])
  const plan = { ...made, subject: { ...made.subject, mode: mode as PlanMode } }
  return { id, plan, requester: 'operator-1', reason: '전원 상실', systems }
}

export const intent: EngineEvent = {
  kind: 'intended',
  node: 'A/promote',
  attempt: 1,
  input: 'sha256:0',
  key: 'r/A/promote',
  epoch: 3,
}
export const done: EngineEvent = { kind: 'succeeded', node: 'A/promote', output: { at: 'φ', n: 1.5 } }
export const ended: EngineEvent = { kind: 'run-ended', outcome: 'succeeded' }

export async function held(journal: Journal, id: string, systems: string[], by = mine): Promise<Term> {
  await journal.create(newRun(id, systems))
  const term = await journal.acquire(id, by, longMs)
  if (term === undefined) throw new Error('a new run was not free')
  return term
}

export function codeOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => 'no error',
    (error: unknown) => (isHaetaeError(error) ? error.code : error),
  )
}
