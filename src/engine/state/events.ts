import type { Json } from '#model/digest.ts'
import type { Instant } from '#model/time.ts'
import type { StepCall } from '#runbook/step-type.ts'
import type { Left } from './undo.ts'
import type { UndoNode } from './view.ts'

/** What people and programs are told of something that went wrong. Never a secret. */
export interface Failure {
  message: string
  /** `unreachable`: no answer; `refused`: the target's precondition; `deadline`: it took too long. */
  kind: 'unreachable' | 'refused' | 'deadline' | 'verify' | 'stopped' | 'error'
}

/** Why a person is asked. */
export type QuestionReason =
  | 'unclear'
  | 'changed'
  | 'unreachable'
  | 'exhausted'
  | 'assumption'
  | 'no-authority'
  | 'unfenced'
  | 'rejected'
  | 'definition'
  | 'manual'
  | 'deadline'
  | 'drift'
  | 'held'
  | 'prerequisite'

/**
 * What a person may answer: look and try again, vouch that it holds, give the node up; for a system of a fleet whose
 * plan is another one now: go on with that, once people have approved it.
 */
export type Decision = 'retry' | 'holds' | 'fail' | 'replan'

/** A question to a person, with the facts that the answer needs. */
export interface Question {
  reason: QuestionReason
  text: string
  /** What was journaled and what was observed, side by side. */
  facts: { [key: string]: Json }
  choices: readonly Decision[]
}

/** A run is paused by itself, or with the fleet that it is a part of. */
export type PauseOf = 'own' | 'fleet'

/** Facts of a run as a whole. */
export type RunEvent =
  | { kind: 'run-created'; digest: string; requester: string; reason: string }
  | { kind: 'term-taken'; term: number; holder: string }
  /** The gates that stand before it are passed and the assumptions hold: steps may begin. */
  | { kind: 'run-started' }
  /** A person is waited for; `question` when it is about the run and not about a node. */
  | { kind: 'run-asked'; question: Question | null }
  /** Nobody is waited for any more. `decision` answers the question about the run, when there was one. */
  | { kind: 'run-goes-on'; to: 'waiting' | 'running'; command: number | null }
  | { kind: 'run-canceling'; by: string; reason: string; command: number }
  /** Nothing begins any more; what is under way ends. `whose`: its own pause (so when absent), or its fleet's. */
  | { kind: 'run-paused'; by: string; reason: string; command: number; whose?: PauseOf }
  /** `command` null: the run is being ended. `whose`: the pause that ends; absent: every one. */
  | {
      kind: 'run-resumed'
      to: 'waiting' | 'running' | 'paused'
      by: string
      reason: string
      command: number | null
      whose?: PauseOf
    }
  /** A run that must not wait has taken its systems: it is canceled, and cleans up when they are free again. */
  | { kind: 'run-preempted'; run: string; by: string; reason: string }
  /** Its systems are its own again: it cleans up. */
  | { kind: 'run-locked-again' }
  /** Two people ended the hold on the run: it ends once it is known what its last steps did. */
  | { kind: 'run-taken-over'; by: string[]; reason: string }
  /** Nothing more is begun; once all is known, what was done is taken back. */
  | { kind: 'run-rolling-back'; by: string; reason: string; command: number }
  /** Every step has ended: the steps that take back what was done, and what is left as it is. */
  | { kind: 'run-rollback-planned'; steps: UndoNode[]; left: Left[] }
  | { kind: 'run-ended'; outcome: 'succeeded' | 'failed' | 'canceled' | 'rolled-back' }

/** What people ask of a run. A command changes nothing by itself: the holder of the run answers it. */
export type Command =
  | { verb: 'cancel' | 'pause' | 'resume' | 'rollback'; reason: string }
  | { verb: 'skip'; node: string; reason: string }
  /** `node` null: the question of the run as a whole. */
  | { verb: 'decide'; node: string | null; decision: Decision; reason: string }

export type CommandEvent =
  /** `fleet`: it was asked of the fleet that the run is a part of, and is passed on. */
  | { kind: 'command'; command: Command; by: string; fleet?: true }
  | { kind: 'command-refused'; command: number; why: string }

/** Facts of one node. */
export type NodeEvent =
  /** A gate: who has signed so far. */
  | { kind: 'approvals-counted'; node: string; by: string[] }
  /** Durable before the effect; `undo` takes it back to what was seen before, where its type can. */
  | {
      kind: 'intended'
      node: string
      attempt: number
      input: string
      key: string
      epoch: number | null
      undo?: StepCall
    }
  /**
   * Of a point of no return: its assumptions hold, and the run was held and neither paused nor ended when this was
   * written. The effect comes next.
   */
  | { kind: 'proven'; node: string; attempt: number }
  /** `apply` answered; where the step has a `verify`, that comes next. */
  | { kind: 'applied'; node: string; attempt: number; output: Json }
  | { kind: 'succeeded'; node: string; output: Json }
  /** Found to hold: before any attempt, or after one whose answer was lost. */
  | { kind: 'adopted'; node: string; output: Json; afterAttempt: boolean }
  /** The attempt ended and made no change, or none that holds. */
  | { kind: 'attempt-failed'; node: string; attempt: number; failure: Failure; retryAt: Instant | null }
  /** The attempt's answer was lost, or it failed behind a part of its effect: what it did is looked at, from `retryAt` on. */
  | { kind: 'attempt-unknown'; node: string; attempt: number; failure: Failure; retryAt?: Instant }
  /** Looking itself failed. */
  | { kind: 'not-seen'; node: string; failure: Failure; retryAt: Instant | null }
  | { kind: 'asked'; node: string; question: Question }
  | {
      kind: 'decided'
      node: string
      decision: Decision
      by: string
      reason: string
      command: number
      output: Json
    }
  /** Left out because its target did not answer and the plan says to go on without it. */
  | { kind: 'node-skipped'; node: string; failure: Failure }
  /** Left out because a person said so. */
  | { kind: 'skipped'; node: string; by: string; reason: string; command: number }
  /** `left`: where the step was left. */
  | { kind: 'node-canceled'; node: string; left: 'untouched' | 'absent' | 'unknown'; why: string }
  | { kind: 'progress'; node: string; message: string }
  /** A node that stands for a run of its own: whoever paused that run alone; null when it goes on again. */
  | { kind: 'child-paused'; node: string; run: string; paused: { by: string; reason: string } | null }
  /** A node that stands for a run of its own, which has ended and did not succeed. */
  | { kind: 'child-ended'; node: string; run: string; outcome: 'failed' | 'canceled' | 'rolled-back' }

export type EngineEvent = RunEvent | CommandEvent | NodeEvent

/** One line of a run's journal. `seq` counts from 1 without a gap within the run. */
export interface JournalRecord<E extends EngineEvent = EngineEvent> {
  runId: string
  seq: number
  /** Term under which it was written; 0 for what people wrote. */
  term: number
  actor: string
  at: Instant
  event: E
}

export function isNodeEvent(event: EngineEvent): event is NodeEvent {
  return 'node' in event
}

/** True for an event that bears on the state of the run as a whole. */
export function isRunEvent(event: EngineEvent): event is RunEvent {
  return !isNodeEvent(event) && event.kind !== 'command' && event.kind !== 'command-refused'
}

/** True for an event after which nothing more happens to its node. */
export function endsNode(event: EngineEvent): boolean {
  return (
    event.kind === 'succeeded' ||
    event.kind === 'adopted' ||
    event.kind === 'node-canceled' ||
    event.kind === 'node-skipped' ||
    event.kind === 'skipped' ||
    event.kind === 'child-ended' ||
    (event.kind === 'decided' && !goesOn(event.decision))
  )
}

/** True for a decision after which the node is worked on again. */
export function goesOn(decision: Decision): boolean {
  return decision === 'retry' || decision === 'replan'
}

/** True for an event after which those that need its node may begin. */
export function finishesNode(event: EngineEvent): boolean {
  return (
    endsNode(event) && event.kind !== 'node-canceled' && event.kind !== 'child-ended' && !isGivenUp(event)
  )
}

function isGivenUp(event: EngineEvent): boolean {
  return event.kind === 'decided' && event.decision === 'fail'
}

/** What a person asked for, as the journal holds it. */
export type PersonsCommand = Extract<CommandEvent, { kind: 'command' }>

export function isCommand(record: JournalRecord): record is JournalRecord<PersonsCommand> {
  return record.event.kind === 'command'
}
