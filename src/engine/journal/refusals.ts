import { HaetaeError } from '#model/errors.ts'
import type { RunState } from '#model/states.ts'

export function runUnknown(runId: string): HaetaeError {
  return new HaetaeError('run-unknown', `run ${runId}`)
}

export function nodeUnknown(runId: string, node: string): HaetaeError {
  return new HaetaeError('node-unknown', `${node} of run ${runId}`)
}

export function runEnded(runId: string, state: RunState): HaetaeError {
  return new HaetaeError('run-ended', `run ${runId} is ${state}`, { facts: { run: runId, state } })
}

export function runExists(runId: string): HaetaeError {
  return new HaetaeError('run-exists', `run ${runId}`)
}

/** `holders`: what holds each of the systems that were asked for and are not free. */
export function systemsLocked(holders: readonly { system: string; runId: string }[]): HaetaeError {
  const [first] = holders
  const all = holders.map(({ system, runId }) => `${system} by ${runId}`).join(', ')
  return new HaetaeError('system-locked', `system ${first?.system ?? '(none)'}`, {
    why: `held: ${all}`,
    facts: { holders: holders.map(({ system, runId }) => ({ system, run: runId })) },
  })
}
