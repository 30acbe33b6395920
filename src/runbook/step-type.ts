import type { ZodType } from 'zod'
import { isHaetaeError, messageOf } from '#model/errors.ts'
import type { Localized } from '#model/localized.ts'
import type { Clock } from '#model/time.ts'
import { Conflict, NoAnswer } from '#platform/no-answer.ts'

/** What an effect of the type can be trusted with after a lost answer. */
export type Effect = 'read' | 'idempotent' | 'keyed' | 'point-of-no-return'

/** Whether what a step brings about is there already. Pure: computed from input and observed state only. */
export type Judgement = 'holds' | 'absent' | 'unclear'

/**
 * One change that a step would make, for the plan. `exact`: read from the target itself, which is as no other step of
 * the plan leaves it; `predicted`: it rests on what other steps will give, and `why` says so; `opaque`: it could not be
 * looked at, and `why`.
 */
export interface Change {
  certainty: 'exact' | 'predicted' | 'opaque'
  /**
   * What is changed, by the one name that all step types have for it, e.g. `Deployment/web in gpk` or `gpk.gov.test A and
   * TXT`: two changes of one target at one site are changes of one thing.
   */
  target: string
  /** Where it is changed; planning adds the site that it looks from, where the step type says none. */
  site?: string
  before?: unknown
  after?: unknown
  why?: string | Localized
  /** What the target, asked without consequence (a dry run), says now against the change. */
  refused?: string
}

/** A step as data: the type's name and its input. */
export interface StepCall {
  type: string
  with: Record<string, unknown>
}

/** A target on which somebody changed what an earlier step had left there. */
export interface ChangedSince {
  /** As in a plan, e.g. `Deployment/web in gpk`. */
  target: string
  /** What the step had left; null: nothing. */
  left: unknown
  /** What is there now; null: nothing. */
  found: unknown
}

/** Whether an effect can be taken back: by a step of which type, or why not. */
export type Inverse = { kind: 'step'; type: string } | { kind: 'none'; why: string }

/** Thrown by `observe`, `verify` and `apply` when the target did not answer: the engine takes it for *unknown*. */
export class Unreachable extends NoAnswer {
  constructor(target: string, cause: unknown) {
    super(target, cause)
    this.name = 'Unreachable'
  }
}

/** Thrown by `apply` when the target itself refused a stale precondition: nothing was changed there. */
export class PreconditionRefused extends Conflict {
  constructor(target: string, why: string) {
    super(target, why)
    this.name = 'PreconditionRefused'
  }
}

/** Thrown by `apply` when it failed after it had changed something: the engine takes what it did for *unknown*. */
export class PartlyDone extends Error {
  constructor(cause: unknown) {
    const why = isHaetaeError(cause) && cause.why !== undefined ? `: ${cause.why}` : ''
    super(`a part was changed, then: ${messageOf(cause)}${why}`, { cause })
    this.name = 'PartlyDone'
  }
}

/**
 * What the last try of a node came to, by the journal: `done` when its target said so, `lost` when the answer was lost
 * and no person has decided since. The world decides, not the journal: this is for types whose target cannot be looked at.
 */
export type LastTry = 'none' | 'done' | 'lost'

/**
 * What a step may touch. Rooms below `steps` only name the two capabilities; `steps/targets.ts` says which
 * clients they hold, so that planning is handed readers only and cannot write, by type.
 */
export interface ReadCtx<Readers = unknown> {
  readonly readers: Readers
  readonly clock: Clock
  /** Aborts at the attempt's deadline, when the run ends, or when the term is lost. */
  readonly signal: AbortSignal
  /** The run that looks; undefined while planning, when there is none yet. */
  readonly runId: string | undefined
  /** `run/node`, the same for every attempt of the node: what `apply` keys its effect with; undefined while planning. */
  readonly key: string | undefined
  readonly lastTry: LastTry
}

export interface EffectCtx<Readers = unknown, Writers = unknown> extends ReadCtx<Readers> {
  readonly writers: Writers
  readonly runId: string
  readonly key: string
  readonly nodeId: string
  /** The epoch that this run holds for the node's system, when it holds one. */
  readonly epoch: number | undefined
  /** A line for people who watch; never a secret. */
  progress(message: string): void
}

/**
 * A kind of step. One file each under `steps/`. Reading and writing are different capabilities.
 * `I` input, `S` what `observe` saw, `O` output; all are JSON values.
 */
export interface StepType<I = unknown, S = unknown, O = unknown, R = unknown, W = unknown> {
  readonly type: string
  /** Part of the plan's digest: raised whenever the type's behaviour changes. */
  readonly version: number
  readonly effect: Effect
  /**
   * No `apply` without a held epoch: for all that can make a system write or serve at a site. By the input where that
   * tells which way it goes: stopping needs none, so that a site that has lost its systems can be stopped.
   */
  readonly needsAuthority: boolean | ((input: I) => boolean)
  /** What `apply` makes its target check, or why it cannot (`unfenced`: a takeover waits and asks a person). */
  readonly precondition: { kind: 'checked'; by: string } | { kind: 'unfenced'; why: string }
  /** Which step takes an effect back, or why none does: known without looking, for docs, lint and rolling back. */
  readonly inverse: Inverse
  /** It keeps two sites from writing: no person skips it, and nothing takes it back. */
  readonly safeguard?: true
  /** What the step needs beyond PostgreSQL, the recovery cluster and its name server (principle 2). */
  readonly requires: readonly ('prometheus' | 'redis' | 'peer' | 'source' | 'service' | 'load-balancer')[]
  /** Fields of the input (`a` or `a.b`) that stand in the runbook as text, never as an expression: people review them there. */
  readonly literals?: readonly string[]
  /**
   * Nothing that follows relies on it, whether it acted or not: when it cannot be done the node is skipped with the
   * reason, and nobody is asked. Absent: a person is.
   */
  readonly optional?: true
  readonly input: ZodType<I>
  readonly output: ZodType<O>
  /** Looks at the world; writes nothing. Throws Unreachable when the target does not answer. */
  observe(ctx: ReadCtx<R>, input: I): Promise<S>
  judge(input: I, state: S): Judgement
  /** What `apply` would change from `state`; writes nothing. An API server is asked by a dry run, for its own answer. */
  plan(ctx: ReadCtx<R>, input: I, state: S): Promise<Change[]>
  /**
   * What it changes, by the names that its changes have, for types whose plan leaves out what is as wanted already: behind
   * another step that changes the same it is a change all the same.
   */
  targets?(input: I): readonly string[]
  /** Brings it about, under a precondition made from `state`. Throws Unreachable when the answer was lost. */
  apply(ctx: EffectCtx<R, W>, input: I, state: S): Promise<O>
  /** The output of a step that is found to hold already (adopted, or nothing to do). */
  adopt(input: I, state: S): O
  /** The output that it would most likely give, for the plans of steps after it. Absent: only what holds already has one. */
  foresee?(input: I, state: S): O
  /**
   * Compensation as another step of the type that `inverse` names, planned and journaled too. `none` where it names
   * none, or where from `before` there is nothing to restore. It restores only what the step changed, and carries what
   * the step left (`left` in its input): where something else is there by then, it judges `unclear` and its target
   * refuses it.
   */
  invert(input: I, before: S): StepCall | 'none'
  /** What somebody changed since the step that this one takes back; empty when it takes none back, or nothing was. */
  changedSince?(input: I, state: S): ChangedSince[]
}

/** Whether a step acts only under a held epoch. An input that is not known yet may be any. */
export function actsUnderAuthority(
  { needsAuthority, input }: Pick<AnyStepType, 'needsAuthority' | 'input'>,
  given: unknown,
): boolean {
  if (typeof needsAuthority === 'boolean') return needsAuthority
  const known = input.safeParse(given)
  return !known.success || needsAuthority(known.data)
}

/** Any step type, where only its outside matters. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type AnyStepType = StepType<any, any, any, any, any>
