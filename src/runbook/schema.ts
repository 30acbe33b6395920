import { z } from 'zod'
import { roles } from '#people/roles.ts'

/*
 * A runbook as people write it. Strict everywhere: a field that nothing reads would be a promise that nothing keeps.
 * What a schema cannot see (graph, types, expressions, principles) is in the lint-*.ts files.
 */

/** A text of one form; `patternErrorMessage` is how editors say it instead of the pattern. */
function shaped(form: RegExp, otherwise: string) {
  return z.string().regex(form, otherwise).meta({ patternErrorMessage: otherwise })
}

const localized = z.strictObject({ ko: z.string().min(1), en: z.string().min(1) })
const duration = shaped(/^\d+(\.\d+)?(ms|s|m|h|d)$/, 'a duration is a number and a unit, such as 30s')
/** A plain name, so that an expression can say `steps.standby.receivedLsn`. */
const stepId = shaped(
  /^[a-z][A-Za-z0-9]{0,31}$/,
  'a step id is a lower-case letter, then letters and digits, such as promote',
)
const inputName = shaped(/^[a-z][A-Za-z0-9]{0,31}$/, 'an input is named like a step, such as maxLag')

const runbookName = shaped(
  /^[a-z][a-z0-9-]{1,62}$/,
  'a runbook is named in lower case, such as failover-postgres-web',
)

/** Items of a list that a person gives: two loops over a longer one would hold up the daemon that evaluates them. */
export const listAtMost = 200

/** What a person gives when the plan is made; `number` may have a fraction, `int` may not. */
const input = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('string'), title: localized, default: z.string().optional() }),
  z.strictObject({ type: z.literal('int'), title: localized, default: z.int().optional() }),
  z.strictObject({ type: z.literal('number'), title: localized, default: z.number().optional() }),
  z.strictObject({ type: z.literal('bool'), title: localized, default: z.boolean().optional() }),
  z.strictObject({
    type: z.literal('list'),
    title: localized,
    default: z.array(z.string()).max(listAtMost).optional(),
  }),
])
export type InputDefinition = z.infer<typeof input>

export const modeSchema = z.enum(['switchover', 'failover', 'failback', 'drill', 'operation'])
export type Mode = z.infer<typeof modeSchema>

/** What is done about a target that does not answer. */
const onUnreachable = z.enum(['ask', 'wait', 'skip'])
export type OnUnreachable = z.infer<typeof onUnreachable>

/** Kinds of failures after which a step may be tried again. */
const failureKind = z.enum(['unreachable', 'refused', 'deadline', 'verify', 'error'])
export type RetryOn = z.infer<typeof failureKind>

const ramp = shaped(/^[1-9]\d{0,2}(-[1-9]\d{0,2}){0,7}$/, 'a ramp is sizes of batches, such as 1-2-4')

/** One step for each of several items; it becomes as many nodes of the plan. */
const foreach = z.strictObject({
  /** `${{ list }}`, or the list itself; known when the plan is made. Inside the step: `item` and `index` (from 0). */
  items: z.union([z.string(), z.array(z.unknown()).max(200)]),
  /** `${{ text }}` that names an item in the plan, such as `item.deployment`; else the item itself if it is text. */
  key: z.string().optional(),
  /** Items go in batches of so many; absent: all at once. */
  maxParallel: z.int().min(1).max(200).optional(),
  /** Sizes of the first batches; after them come batches of `maxParallel`. */
  ramp: ramp.optional(),
  /** More failed items than this, and no further batch begins. */
  maxFailures: z.int().min(0).max(200).default(0),
})
export type ForeachDefinition = z.infer<typeof foreach>

const step = z.strictObject({
  id: stepId,
  title: localized,
  /** The name of a step type, or one of the language's own: `approval`, `manual`, `wait`, `runbook`, `fleet`. */
  type: z.string().min(1),
  /** The type's input. Any value may be a `${{ expression }}` instead. */
  with: z.record(z.string(), z.unknown()).default({}),
  /** Steps of this runbook that must have succeeded first. */
  needs: z.array(stepId).default([]),
  /** A step to wait for in every system of the same plan that this one cannot serve without. */
  prerequisites: stepId.optional(),
  /** `${{ boolean }}`, decided when the plan is made: false leaves the step out of the plan. */
  when: z.string().optional(),
  /** After the effect the world is looked at every `every`; it must say so itself within `within`. */
  verify: z.strictObject({ within: duration, every: duration }).optional(),
  /** Deadlines of one attempt, and of all with the pauses between them. */
  timeout: z.strictObject({ attempt: duration, total: duration }).optional(),
  /** Tries after the first, and the pause before the second; it doubles from there, to 30 s at most. */
  retry: z
    .strictObject({
      max: z.int().min(0).max(1000),
      pause: duration,
      /** Kinds of failures that are worth another try; absent: every kind. After another kind a person is asked. */
      on: z.array(failureKind).min(1).optional(),
    })
    .optional(),
  /**
   * Per mode, what is done about a target that does not answer. `wait` (the default): look again until
   * `timeout.total`, then ask a person. `ask`: ask at once. `skip`: look until `timeout.total`, then go on without.
   */
  onUnreachable: z.partialRecord(modeSchema, onUnreachable).optional(),
  foreach: foreach.optional(),
})
export type StepDefinition = z.infer<typeof step>

/** What an `approval` step takes: people decide, nothing is changed. */
export const gateSchema = z.strictObject({
  /** The mode of the plan that people agree to; or `attestation`: they say how they know that the source is gone. */
  purpose: z.enum([...modeSchema.options, 'attestation']),
  /** Distinct people, none of them the requester. */
  quorum: z.int().min(1).max(9),
})
export type GateDefinition = z.infer<typeof gateSchema>

/** An auditor reads and changes nothing. */
const role = z.enum(roles).exclude(['auditor'])

/** What a `manual` step takes: a person of a role does something, and confirms it. */
export const manualSchema = z.strictObject({ role, instructions: localized })

/** What a `wait` step takes. */
export const waitSchema = z.strictObject({ for: duration })

/** What a `runbook` step takes: another runbook, and values for its inputs. */
export const callSchema = z.strictObject({
  runbook: runbookName,
  inputs: z.record(inputName, z.unknown()).default({}),
})
export type CallDefinition = z.infer<typeof callSchema>

/** What a `fleet` step takes: how the runs of the systems begin. The words are those of `foreach`. */
export const fleetSchema = z.strictObject({
  /** Runs at once; absent: all. */
  maxParallel: z.int().min(1).max(20_000).optional(),
  /** Sizes of the first groups; behind them each run that ends makes place for the next. */
  ramp: ramp.optional(),
  /** More failed systems than this, and no further one begins. */
  maxFailures: z.int().min(0).max(20_000).default(0),
})

export const runbookSchema = z.strictObject({
  apiVersion: z.literal('haetae/v1'),
  kind: z.literal('Runbook'),
  metadata: z.strictObject({
    name: runbookName,
    title: localized,
    description: z.string().optional(),
  }),
  /** A part stands in other runbooks only: approval and authority may stand in those, before it. */
  part: z.literal(true).optional(),
  /** What the runbook may be used for. */
  modes: z.array(modeSchema).min(1),
  inputs: z.record(inputName, input).default({}),
  steps: z.array(step).min(1).max(500),
  /** Steps that run when all others have ended, whatever became of them. The run's result does not count them. */
  finally: z.array(step).min(1).max(50).optional(),
})
export type RunbookDefinition = z.infer<typeof runbookSchema>

export const gateType = 'approval'
/** Each system that moves goes by its own runbook, in a run of its own. */
export const fleetType = 'fleet'

/** Steps that the language knows itself: no step type stands behind them, and they give no output. */
export const builtIns: ReadonlyMap<string, z.ZodType> = new Map<string, z.ZodType>([
  [gateType, gateSchema],
  ['manual', manualSchema],
  ['wait', waitSchema],
  ['runbook', callSchema],
  [fleetType, fleetSchema],
])

/** Whether a runbook is for a fleet, and not for one system. */
export function isOfFleet({ steps }: Pick<RunbookDefinition, 'steps'>): boolean {
  return steps.some(({ type }) => type === fleetType)
}

/** A step with its place in the file. */
export interface PlacedStep {
  readonly step: StepDefinition
  readonly at: readonly (string | number)[]
  /** It stands under `finally`. */
  readonly ending: boolean
}

/** Every step of a runbook, those under `finally` last. */
export function placedSteps({ steps, finally: ending = [] }: RunbookDefinition): PlacedStep[] {
  return [
    ...steps.map((step, index) => ({ step, at: ['steps', index], ending: false })),
    ...ending.map((step, index) => ({ step, at: ['finally', index], ending: true })),
  ]
}
